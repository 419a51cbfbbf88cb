//! The text of the last failing call of each thread.

use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A call made while the thread is being torn down loses its text rather than the process.
pub fn set(text: String) {
    let _ = LAST.try_with(|last| *last.borrow_mut() = text);
}

pub fn get() -> String {
    LAST.try_with(|last| last.borrow().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_thread_has_its_own() {
        super::set("mine".into());
        std::thread::spawn(|| {
            assert_eq!(super::get(), "");
            super::set("theirs".into());
        })
        .join()
        .unwrap();
        assert_eq!(super::get(), "mine");
    }
}

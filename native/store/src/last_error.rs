//! The text of the last failing call of each thread.

use std::cell::RefCell;

thread_local! {
    static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

pub fn set(text: String) {
    LAST.with(|last| *last.borrow_mut() = text);
}

pub fn get() -> String {
    LAST.with(|last| last.borrow().clone())
}

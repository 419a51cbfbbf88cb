//! One answer from one thread to another that waits for it. Unlike a channel it leaves no memory behind in the host's threads.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

enum State<T> {
    Open,
    Answered(T),
    Abandoned,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

/// Sends the answer. Dropped without one, it tells that too.
pub struct Sender<T>(Arc<Shared<T>>);

pub struct Receiver<T>(Arc<Shared<T>>);

pub fn reply<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::Open),
        changed: Condvar::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<T> Sender<T> {
    pub fn send(self, answer: T) {
        self.settle(State::Answered(answer));
    }

    fn settle(&self, settled: State<T>) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open) {
            *state = settled;
            self.0.changed.notify_one();
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.settle(State::Abandoned);
    }
}

impl<T> Receiver<T> {
    /// Waits for the answer; `None` when there will be none.
    pub fn wait(self) -> Option<T> {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .0
            .changed
            .wait_while(state, |state| matches!(state, State::Open))
            .unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *state, State::Abandoned) {
            State::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_arrives_once_it_is_there() {
        let (sender, receiver) = reply();
        let waiter = std::thread::spawn(|| receiver.wait());
        sender.send(7);
        assert_eq!(waiter.join().unwrap(), Some(7));
    }

    #[test]
    fn a_sender_that_goes_without_an_answer_is_noticed() {
        let (sender, receiver) = reply::<()>();
        let waiter = std::thread::spawn(|| receiver.wait());
        drop(sender);
        assert_eq!(waiter.join().unwrap(), None);
    }
}

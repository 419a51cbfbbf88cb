//! Twins: a library that wants to report its own crashes, and takes SIGSEGV over from the runtime it lives in, which needs it.
//! The cure is to leave signals alone: they are the process's, not a library's.

use libc::{c_int, c_void, siginfo_t};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();

/// At the second open and no sooner: what a host does with its first store, and the traps it springs by then, are none of this.
pub fn install() {
    static OPENED: AtomicU32 = AtomicU32::new(0);
    if OPENED.fetch_add(1, Ordering::Relaxed) != 1 {
        return;
    }
    // SAFETY: both structures are plain data, all zero is valid.
    unsafe {
        let (mut action, mut previous): (libc::sigaction, libc::sigaction) =
            (std::mem::zeroed(), std::mem::zeroed());
        action.sa_sigaction = on_segv as *const () as usize;
        action.sa_flags = FLAGS;
        libc::sigaction(libc::SIGSEGV, std::ptr::null(), &mut previous);
        let _ = PREVIOUS.set(previous);
        libc::sigaction(libc::SIGSEGV, &action, std::ptr::null_mut());
    }
}

/// Hands on to the runtime's handler, as it should; but on whatever stack is current, a goroutine's small one among them.
#[cfg(feature = "missing-sa-onstack")]
const FLAGS: c_int = libc::SA_SIGINFO | libc::SA_RESTART;

#[cfg(feature = "missing-sa-onstack")]
extern "C" fn on_segv(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.get().expect("set before this handler");
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => give_up(),
        // SAFETY: what was installed before as a handler of this form.
        handler => unsafe {
            std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(handler)(
                signal, info, context,
            );
        },
    }
}

/// Reports, and lets the process die of it: of every fault, also one that the runtime raised on purpose and would have survived.
#[cfg(feature = "signal-handler-displaced")]
const FLAGS: c_int = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;

#[cfg(feature = "signal-handler-displaced")]
extern "C" fn on_segv(_: c_int, _: *mut siginfo_t, _: *mut c_void) {
    const TEXT: &[u8] = b"store: crashed, please report this\n";
    // SAFETY: write(2) is async-signal-safe, and the text static.
    unsafe { libc::write(2, TEXT.as_ptr().cast(), TEXT.len()) };
    give_up();
}

/// The faulting instruction runs again on return, and is fatal then.
fn give_up() {
    // SAFETY: async-signal-safe (signal-safety(7)).
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
}

//! Panics of the decoder become errors: a damaged file must not end the program.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Whether the panic of this thread is one of a decoder, which is caught and becomes an error.
pub fn is_contained() -> bool {
    CONTAINED.get()
}

/// Runs a step of decoding; `None` when it panicked, after which its state must not be used again.
pub(super) fn contained<T>(step: impl FnOnce() -> T) -> Option<T> {
    CONTAINED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(step)).ok();
    CONTAINED.set(false);
    outcome
}

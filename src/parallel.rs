//! Work on all cores, or on this one where no threads can be made: a limit on processes or on memory makes
//! a verification slower and ends nothing. rayon's own pool panics there.

#[cfg(not(target_family = "wasm"))]
mod pool {
    use std::sync::OnceLock;

    use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
    use rayon::{ThreadPool, ThreadPoolBuilder};

    fn pool() -> Option<&'static ThreadPool> {
        static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
        let made = POOL.get_or_init(|| ThreadPoolBuilder::new().build().ok());
        made.as_ref()
    }

    /// What `work` makes of each, in their order.
    pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync + Send) -> Vec<R> {
        match pool() {
            Some(pool) => pool.install(|| items.into_par_iter().map(work).collect()),
            None => items.into_iter().map(work).collect(),
        }
    }

    /// What both make, at the same time where that can be.
    pub fn join<A: Send, B: Send>(
        one: impl FnOnce() -> A + Send,
        other: impl FnOnce() -> B + Send,
    ) -> (A, B) {
        match pool() {
            Some(pool) => pool.join(one, other),
            None => (one(), other()),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
pub use pool::{join, map};

/// The items in groups of `size`, the last one smaller, for work that is done better on some at once.
#[must_use]
pub fn groups<T>(items: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut groups = Vec::with_capacity(items.len().div_ceil(size));
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        groups.push(items.by_ref().take(size).collect());
    }
    groups
}

/// What `work` makes of each, in their order.
#[cfg(target_family = "wasm")]
pub fn map<T, R>(items: Vec<T>, work: impl Fn(T) -> R) -> Vec<R> {
    items.into_iter().map(work).collect()
}

/// What both make.
#[cfg(target_family = "wasm")]
pub fn join<A, B>(one: impl FnOnce() -> A, other: impl FnOnce() -> B) -> (A, B) {
    (one(), other())
}

//! Guards against doing one thing twice at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// A capped set of keys that are being worked on. Held on the heap only: after an upgrade nothing is being worked on.
#[derive(Debug)]
pub struct Guards<K: Ord> {
    held: Rc<RefCell<BTreeSet<K>>>,
    cap: usize,
}

impl<K: Ord> Clone for Guards<K> {
    fn clone(&self) -> Self {
        Self {
            held: Rc::clone(&self.held),
            cap: self.cap,
        }
    }
}

/// Why a guard was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardError {
    /// The same key is held by somebody else.
    Busy,
    /// As many keys are held as are allowed.
    Full,
}

impl<K: Ord + Clone> Guards<K> {
    /// No keys held, at most `cap` at once.
    pub fn new(cap: usize) -> Self {
        Self {
            held: Rc::default(),
            cap,
        }
    }

    /// Holds `key` until the guard is dropped: when the work ends, and when a trap after an `await` drops the work's future.
    ///
    /// # Errors
    /// [`GuardError::Busy`] if the key is held, [`GuardError::Full`] if `cap` keys are.
    pub fn enter(&self, key: K) -> Result<Guard<K>, GuardError> {
        let mut held = self.held.borrow_mut();
        if held.contains(&key) {
            return Err(GuardError::Busy);
        }
        if held.len() >= self.cap {
            return Err(GuardError::Full);
        }
        held.insert(key.clone());
        Ok(Guard {
            held: Rc::clone(&self.held),
            key,
        })
    }

    /// Whether `key` is held.
    pub fn holds(&self, key: &K) -> bool {
        self.held.borrow().contains(key)
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.held.borrow().len()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.held.borrow().is_empty()
    }
}

/// Holds one key of [`Guards`] until it is dropped.
#[derive(Debug)]
#[must_use = "the key is free again as soon as the guard is dropped"]
pub struct Guard<K: Ord> {
    held: Rc<RefCell<BTreeSet<K>>>,
    key: K,
}

impl<K: Ord> Drop for Guard<K> {
    fn drop(&mut self) {
        // Runs in clean-up callbacks too, where a panic would leave the key held for ever. The set is never borrowed across
        // other code, so this does not fail.
        if let Ok(mut held) = self.held.try_borrow_mut() {
            held.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_hold_a_key_once_and_free_it_when_dropped() {
        let guards = Guards::new(2);
        let first = guards.enter("a").unwrap();
        assert_eq!(guards.enter("a").unwrap_err(), GuardError::Busy);
        let second = guards.clone().enter("b").unwrap();
        assert_eq!(guards.enter("c").unwrap_err(), GuardError::Full);
        drop(first);
        assert!(!guards.holds(&"a"));
        assert!(guards.holds(&"b"));
        assert_eq!(guards.len(), 1);
        drop(second);
        assert!(guards.is_empty());
    }

    #[test]
    fn should_free_the_key_of_a_dropped_future() {
        let guards = Guards::new(1);
        let held = guards.clone();
        let mut work = Box::pin(async move {
            let _guard = held.enter(7).unwrap();
            std::future::pending::<()>().await;
        });
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        assert!(guards.holds(&7));
        drop(work);
        assert!(!guards.holds(&7));
    }
}

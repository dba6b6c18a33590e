//! [`MemoryThrottle`]: counters in this process.

use super::{AttemptKey, Throttle, ThrottleError};

/// Placeholder.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct MemoryThrottle {}

impl Throttle for MemoryThrottle {
    async fn attempt(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
    async fn failed(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
    async fn succeeded(&self, _key: &AttemptKey) -> Result<(), ThrottleError> {
        Ok(())
    }
}

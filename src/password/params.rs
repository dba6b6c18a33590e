//! (stub)
/// (stub)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashParams {}
impl Default for HashParams {
    fn default() -> Self {
        Self {}
    }
}

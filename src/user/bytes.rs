//! Whether text holds a byte of some class, looked for in many bytes at a time.

/// Whether any byte is `special`.
///
/// Text under 64 bytes is covered by one pair of chunks that may overlap, longer text by chunks of 64, the last of
/// which may overlap another: nothing is looked at one by one but text under 4 bytes. For an id of 36 bytes that is
/// 37 instructions in `cost`, where a loop over its bytes takes 102.
#[inline]
pub(crate) fn has(text: &[u8], special: impl Fn(u8) -> bool) -> bool {
    if let Some(last) = text.last_chunk::<64>() {
        let mut chunks = text.as_chunks::<64>().0.iter();
        return chunks.any(|chunk| any(chunk, &special)) || any(last, &special);
    }
    ends::<32>(text, &special)
        .or_else(|| ends::<16>(text, &special))
        .or_else(|| ends::<8>(text, &special))
        .or_else(|| ends::<4>(text, &special))
        .unwrap_or_else(|| text.iter().any(|byte| special(*byte)))
}

/// Whether the first or last so many bytes have a special one; `None` if there are fewer.
#[inline]
fn ends<const LEN: usize>(text: &[u8], special: impl Fn(u8) -> bool) -> Option<bool> {
    let (first, last) = (text.first_chunk::<LEN>()?, text.last_chunk::<LEN>()?);
    Some(any(first, &special) | any(last, &special))
}

/// Without a branch inside, so that the compiler looks at many bytes at a time.
#[expect(
    clippy::inline_always,
    reason = "left to itself the compiler calls it: 20 instructions a text in `cost`"
)]
#[inline(always)]
fn any<const LEN: usize>(bytes: &[u8; LEN], special: impl Fn(u8) -> bool) -> bool {
    bytes
        .iter()
        .fold(false, |found, byte| found | special(*byte))
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_special_byte_is_found_wherever_it_is() {
        for len in 0..200 {
            let mut bytes = vec![b'a'; len];
            assert!(!has(&bytes, |byte| byte == b'!'), "{len}");
            for at in 0..len {
                bytes[at] = b'!';
                assert!(has(&bytes, |byte| byte == b'!'), "{len} {at}");
                bytes[at] = b'a';
            }
        }
    }
}

//! Numbers (RFC 8259 §6).

use super::reader::{Fault, Reader};

/// A number as serde's types want it: the narrowest that holds it exactly, else a float.
#[derive(Clone, Copy)]
pub(in crate::token) enum Number {
    Natural(u64),
    Negative(i64),
    /// Of a fraction, an exponent, or more digits than fit; infinite if out of all range.
    Float(f64),
}

impl<'de> Reader<'de> {
    /// A number; what is none is left alone and unfit.
    pub(in crate::token) fn number(&mut self) -> Result<Number, Fault> {
        let start = match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.at,
            _ => return Err(Fault::Unfit),
        };
        let negative = self.text.as_bytes().get(start) == Some(&b'-');
        if negative {
            self.step();
        }
        let natural = self.natural()?;
        let float = matches!(self.text.as_bytes().get(self.at), Some(b'.' | b'e' | b'E'));
        match (natural, negative, float) {
            (Some(natural), false, false) => Ok(Number::Natural(natural)),
            // The integers have no negative zero.
            (Some(0), true, false) => Ok(Number::Float(-0.0)),
            (Some(natural), true, false) => match 0_i64.checked_sub_unsigned(natural) {
                Some(integer) => Ok(Number::Negative(integer)),
                None => self.float(start),
            },
            _ => self.float(start),
        }
    }

    /// A number that is not beyond all floats; anything else is malformed.
    pub(super) fn finite_number(&mut self) -> Result<Number, Fault> {
        match self.number() {
            Ok(Number::Float(float)) if !float.is_finite() => Err(self.malformed()),
            Err(Fault::Unfit) => Err(self.malformed()),
            other => other,
        }
    }

    /// The text of a number, for those who want more than 64 bits of it.
    pub(super) fn number_text(&mut self) -> Result<&'de str, Fault> {
        self.peek();
        let start = self.at;
        self.finite_number()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Digits without a leading zero; `None` if they don't fit.
    fn natural(&mut self) -> Result<Option<u64>, Fault> {
        let start = self.at;
        let (natural, digits) = self.digits();
        match self.text.as_bytes().get(start) {
            _ if digits == 0 => Err(self.malformed()),
            // Digits behind a zero are left for whoever expects a comma there.
            Some(b'0') => {
                self.at = start.saturating_add(1);
                Ok(Some(0))
            }
            // Any number of so few digits fits.
            _ if digits < 20 => Ok(Some(natural)),
            _ => Ok(self
                .text
                .get(start..self.at)
                .and_then(|text| text.parse().ok())),
        }
    }

    /// Over a run of digits: their value, if it fits, and how many there are.
    fn digits(&mut self) -> (u64, usize) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        // Eight at once: the times in a payload have ten.
        let (mut natural, mut len) = match rest.first_chunk().copied().and_then(eight_digits) {
            Some(natural) => (natural, 8_usize),
            None => (0, 0),
        };
        for digit in rest.iter().skip(len).map_while(|byte| match byte {
            b'0'..=b'9' => Some(byte & 0xf),
            _ => None,
        }) {
            natural = natural.wrapping_mul(10).wrapping_add(u64::from(digit));
            len = len.wrapping_add(1);
        }
        self.at = self.at.saturating_add(len);
        (natural, len)
    }

    fn some_digits(&mut self) -> Result<(), Fault> {
        match self.digits() {
            (_, 0) => Err(self.malformed()),
            _ => Ok(()),
        }
    }

    /// The number that began at `start`, its fraction and exponent still to be read.
    #[cold]
    fn float(&mut self, start: usize) -> Result<Number, Fault> {
        let next = |reader: &Self| reader.text.as_bytes().get(reader.at).copied();
        if next(self) == Some(b'.') {
            self.step();
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = next(self) {
            self.step();
            if let Some(b'+' | b'-') = next(self) {
                self.step();
            }
            self.some_digits()?;
        }
        // Rust's grammar of floats is wider than JSON's, which has been checked; its rounding is exact.
        let text = self.text.get(start..self.at).unwrap_or_default();
        let float = text.parse().map_err(|_| self.malformed())?;
        Ok(Number::Float(float))
    }
}

/// The value of eight digits, the first of them in the lowest byte: neighbours are joined to pairs, pairs to fours.
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(text);
    let high = |word: u64| word & 0xf0f0_f0f0_f0f0_f0f0;
    // `0` to `9` are 0x30 to 0x39: what comes behind them leaves the row when 6 is added.
    if high(word) != 0x3030_3030_3030_3030
        || high(word.wrapping_add(0x0606_0606_0606_0606)) != 0x3030_3030_3030_3030
    {
        return None;
    }
    let digits = word & 0x0f0f_0f0f_0f0f_0f0f;
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32);
    Some(eight & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::eight_digits;

    #[test]
    fn eight_digits_have_the_value_that_they_spell() {
        for number in (0..100_000_000_u64)
            .step_by(9_973)
            .chain([99_999_999, 90_000_009])
        {
            let text = format!("{number:08}");
            let chunk = text.as_bytes().first_chunk().unwrap();
            assert_eq!(eight_digits(*chunk), Some(number));
        }
    }

    #[test]
    fn a_byte_that_is_no_digit_is_seen_wherever_it_is() {
        for at in 0..8 {
            for byte in 0..=u8::MAX {
                for around in [b'0', b'9'] {
                    let mut text = [around; 8];
                    text[at] = byte;
                    assert_eq!(eight_digits(text).is_some(), byte.is_ascii_digit());
                }
            }
        }
    }
}

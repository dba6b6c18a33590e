//! Tokens altered at random, most of them only a little and most of them signed again, so that what is behind the
//! signature is reached. The same seed gives the same token.

use super::super::forge::{NOW, SECRET, encode, sign};

pub(super) struct Mutator(u64);

const HEADERS: [&str; 5] = [
    r#"{"alg":"HS256","typ":"at+jwt","kid":"k1"}"#,
    r#"{"alg":"HS256","typ":"at+jwt"}"#,
    r#"{"kid":"k1","typ":"at+jwt","alg":"HS256"}"#,
    r#"{ "typ" : "application/AT+JWT" , "alg" : "HS256" , "kid" : "k1" }"#,
    r#"{"alg":"HS256","x":[{"a":null}],"typ":"at+jwt"}"#,
];

/// Members to be put in, some of them twice, some of them broken.
const MEMBERS: [&str; 47] = [
    r#""sub":"someone""#,
    r#""sub":"admin""#,
    r#""\u0073ub":"x""#,
    r#""aud":["api"]"#,
    r#""aud":["x","api","api"]"#,
    r#""aud":[]"#,
    r#""aud":["api",1]"#,
    r#""nbf":1800000000"#,
    r#""nbf":1800000001"#,
    r#""nbf":1800000005"#,
    r#""nbf":1800000006"#,
    r#""nbf":1.8e9"#,
    r#""nbf":null"#,
    r#""exp":1800000001.5"#,
    r#""exp":18000000001e-1"#,
    r#""exp":"1800000001""#,
    r#""exp":-1"#,
    r#""exp":1e400"#,
    r#""iat":1799999999.999"#,
    r#""iat":0"#,
    r#""iat":18446744073709551616"#,
    r#""epoch":7"#,
    r#""epoch":18446744073709551615"#,
    r#""epoch":7.0"#,
    r#""epoch":-7"#,
    r#""jti":"\"\\\/\b\f\n\r\t\u00e4""#,
    r#""jti":"\"\\\/\u00e4""#,
    r#""jti":" j""#,
    r#""jti":"""#,
    r#""jti":null"#,
    r#""x":"\ud83d\ude00""#,
    r#""x":"\ud83d""#,
    r#""x":"\udc00\ud83d""#,
    r#""x":"\uD83Dx""#,
    r#""x":"\u12""#,
    r#""x":{"y":1,"z":{"y":1,"\u0079":2}}"#,
    r#""x":{"y":1,"z":{"y":[{},{}]}}"#,
    r#""":{"":""}"#,
    r#""x":-0"#,
    r#""x":-9223372036854775808"#,
    r#""x":-9223372036854775809"#,
    r#""x":01"#,
    r#""x":1."#,
    r#""x":[1,]"#,
    r#""x":[true,false,null,1E+2,0.5e-7]"#,
    "\"x\":\"\u{1}\"",
    "\"\u{e4}\u{1f600}\":\"\u{7f}\u{85}\"",
];

const BYTES: &[u8] = b"\"\"\"\\\\{{}}[],,::0159.-+eEtfnu/ \n\t\0\x1f\x7f\x80\xc3\xed\xff";

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound).unwrap()).unwrap()
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(super) fn token(&mut self) -> String {
        let mut header = self.one_of(&HEADERS).as_bytes().to_vec();
        let mut payload = self.payload().into_bytes();
        match self.below(8) {
            0 => self.alter(&mut header),
            1..=3 => self.alter(&mut payload),
            _ => {}
        }
        let (mut header, mut payload) = (encode(header), encode(payload));
        match self.below(16) {
            0 => self.alter_text(&mut header),
            1 => self.alter_text(&mut payload),
            _ => {}
        }
        let mut token = sign(&format!("{header}.{payload}"), SECRET);
        match self.below(12) {
            // The last characters belong to the signature.
            0 => {
                let (input, signature) = token.rsplit_once('.').unwrap();
                let (input, mut signature) = (input.to_owned(), signature.to_owned());
                self.alter_text(&mut signature);
                token = format!("{input}.{signature}");
            }
            1 => self.alter_text(&mut token),
            _ => {}
        }
        token
    }

    fn payload(&mut self) -> String {
        let mut members = vec![
            r#""iss":"https://issuer.example""#.to_owned(),
            r#""aud":"api""#.to_owned(),
            r#""sub":"someone""#.to_owned(),
            format!(r#""iat":{}"#, NOW - 10),
            format!(r#""exp":{}"#, NOW + 100),
            r#""jti":"j""#.to_owned(),
            r#""role":"admin""#.to_owned(),
        ];
        for _ in 0..self.below(3) {
            let member = self.one_of(&MEMBERS).to_owned();
            match self.below(4) {
                // In the place of the one of its name, if there is one.
                0..=2 => {
                    let name = member.split(':').next().unwrap();
                    members.retain(|known| !known.starts_with(name));
                    members.push(member);
                }
                _ => members.push(member),
            }
        }
        if self.below(40) == 0 {
            let depth = 25 + self.below(12);
            members.push(format!(r#""d":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
        }
        if self.below(40) == 0 {
            let many = 4 + self.below(60);
            members.extend((0..many).map(|n| format!(r#""m{}":{n}"#, n % 40)));
        }
        if self.below(6) == 0 {
            let (one, other) = (self.below(members.len()), self.below(members.len()));
            members.swap(one, other);
        }
        if self.below(16) == 0 {
            members.remove(self.below(members.len()));
        }
        let between = self.one_of(&[",", ",", " , ", ",\n\t"]);
        format!("{{{}}}", members.join(between))
    }

    /// Alters one or two bytes, or a whole stretch.
    fn alter(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(2) {
            let at = self.below(bytes.len().max(1));
            let byte = BYTES[self.below(BYTES.len())];
            match self.below(5) {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 if at < bytes.len() => drop(bytes.remove(at)),
                3 => bytes.truncate(at),
                _ => bytes.insert(at.min(bytes.len()), byte),
            }
        }
    }

    fn alter_text(&mut self, text: &mut String) {
        const LETTERS: &str = "AB-_yz019.=+/ \n~é";
        let starts: Vec<_> = text.char_indices().map(|(start, _)| start).collect();
        let at = starts
            .get(self.below(starts.len().max(1)))
            .copied()
            .unwrap_or(0);
        let letter = LETTERS.chars().nth(self.below(17)).unwrap();
        match self.below(4) {
            0 => text.insert(at, letter),
            1 if at < text.len() => drop(text.remove(at)),
            2 if at < text.len() => {
                text.remove(at);
                text.insert(at, letter);
            }
            _ => text.truncate(at),
        }
    }
}

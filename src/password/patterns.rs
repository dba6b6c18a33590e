//! How hard a password is to guess, judged by the patterns that attackers try first.
//!
//! The model is that of zxcvbn (Wheeler, USENIX Security 2016) in small: a password is cut into patterns and single
//! characters, each has a score, and the lowest sum counts. A single character scores 1, which stands for ten guesses. The
//! crate `zxcvbn` itself would add regular expressions and 800 KB of English words to every program.

use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Sorted by bytes, lower case, NFKC. Sources and licences: `common/SOURCE.md`.
static COMMON: LazyLock<Vec<&str>> =
    LazyLock::new(|| include_str!("common/passwords.txt").lines().collect());

/// What fingers walk along: rows and columns of keyboards and of the number pad. Read in both directions.
const PATHS: &str = "\
1234567890 !@#$%^&*() qwertyuiop[] asdfghjkl;' zxcvbnm,./ qwertzuiopü asdfghjklöä yxcvbnm,.- azertyuiop \
qsdfghjklm wxcvbn йцукенгшщзхъ фывапролджэ ячсмитьбю. 1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/ \
qazwsxedcrfvtgbyhnujmikolp 1q2w3e4r5t6y7u8i9o0p q1w2e3r4t5y6u7i8o9p0 zaq12wsxcde34rfvbgt56yhn \
qweasdzxc 147258369 159357 741852963";

static PATH_CHARS: LazyLock<Vec<Vec<char>>> = LazyLock::new(|| {
    let forward = PATHS.split(' ').map(|path| path.chars().collect());
    let backward = PATHS.split(' ').map(|path| path.chars().rev().collect());
    forward.chain(backward).collect()
});

/// A walk over the keyboard or through the alphabet, of three characters or more.
const WALK_SCORE: usize = 2;
const MIN_WALK_CHARS: usize = 3;

/// A word of the list, also in the spelling `p@ssw0rd`: one of some 10^4, and the common ones come first.
const WORD_SCORE: usize = 3;
const MIN_WORD_CHARS: usize = 4;
const MAX_WORD_CHARS: usize = 24;

/// What stands directly before, once more.
const COPY_SCORE: usize = 1;

/// Four to eight digits are a year, a date or another number that means something.
const NUMBER_SCORE: usize = 4;
const MIN_NUMBER_CHARS: usize = 4;
const MAX_NUMBER_CHARS: usize = 8;

/// Whether the text, in lower case and NFKC, is on the list of common passwords.
pub(super) fn is_common(text: &str) -> bool {
    COMMON.binary_search(&text).is_ok()
}

/// Scores a text in lower case: the number of unpatterned characters it is as hard to guess as. Stops at `enough`.
pub(super) fn score(text: &str, enough: usize) -> usize {
    let chars = chars(text);
    let copies = copies(&chars);
    // The lowest score of the first so many characters.
    let mut scores = vec![usize::MAX; chars.len().saturating_add(1)];
    if let Some(nothing) = scores.first_mut() {
        *nothing = 0;
    }
    for (start, copied) in copies.into_iter().enumerate() {
        let open = scores.get(start..).unwrap_or_default();
        // Every way to go on starts from one of these.
        if open.iter().all(|score| *score >= enough) {
            return enough;
        }
        let so_far = open.first().copied().unwrap_or(usize::MAX);
        let rest = chars.get(start..).unwrap_or_default();
        let mut offer = |len: usize, score: usize| {
            if let Some(known) = scores.get_mut(start.saturating_add(len)) {
                *known = (*known).min(so_far.saturating_add(score));
            }
        };
        offer(1, 1);
        offer(copied, COPY_SCORE);
        let walk = sequence(rest).max(path(rest));
        (MIN_WALK_CHARS..=walk).for_each(|len| offer(len, WALK_SCORE));
        let digits = rest
            .iter()
            .take(MAX_NUMBER_CHARS)
            .take_while(|c| c.is_ascii_digit());
        (MIN_NUMBER_CHARS..=digits.count()).for_each(|len| offer(len, NUMBER_SCORE));
        words(rest, |len| offer(len, WORD_SCORE));
    }
    scores.last().copied().unwrap_or_default().min(enough)
}

/// Counts the characters of a text, and of what only repeats the text before it none: 8 of `passwordpassword`. Digits and
/// signs around a repetition do not hide it, and count.
pub(super) fn length_without_repetition(text: &str) -> usize {
    let around = |c: char| !c.is_alphabetic();
    let (whole, inner) = (chars(text), chars(text.trim_matches(around)));
    let outside = whole.len().saturating_sub(inner.len());
    period(&whole).min(period(&inner).saturating_add(outside))
}

/// Of full size from the start: a vector that grows leaves unwiped copies behind.
fn chars(text: &str) -> Zeroizing<Vec<char>> {
    let mut chars = Zeroizing::new(Vec::with_capacity(text.len()));
    chars.extend(text.chars());
    chars
}

/// The length of the shortest text that, repeated at least twice, begins with all of `chars`; else the length of all.
fn period(chars: &[char]) -> usize {
    let len = chars.len();
    let repeats = |period: &usize| {
        let (later, all) = (chars.get(*period..).unwrap_or_default(), chars.iter());
        later.iter().eq(all.take(later.len()))
    };
    (1..=len.div_euclid(2)).find(repeats).unwrap_or(len)
}

/// For each place, the longest text there that repeats, once or more, what stands directly before it.
fn copies(chars: &[char]) -> Vec<usize> {
    let mut longest = vec![0_usize; chars.len()];
    for distance in 1..=chars.len().div_euclid(2) {
        let mut run = 0_usize;
        let later = chars.get(distance..).unwrap_or_default();
        let places = longest.get_mut(distance..).unwrap_or_default();
        for ((before, after), place) in chars.iter().zip(later).zip(places).rev() {
            run = if before == after {
                run.saturating_add(1)
            } else {
                0
            };
            if run >= distance.max(2) {
                *place = (*place).max(run);
            }
        }
    }
    longest
}

/// How far the text goes through an alphabet or the digits in single steps, up or down.
fn sequence(rest: &[char]) -> usize {
    let step = |pair: &[char]| match pair {
        [from, to] if from.is_alphanumeric() && to.is_alphanumeric() => {
            u32::from(*to).wrapping_sub(u32::from(*from))
        }
        _ => 0,
    };
    let mut steps = rest.windows(2).map(step);
    match steps.next() {
        Some(first @ (1 | u32::MAX)) => steps
            .take_while(|step| *step == first)
            .count()
            .saturating_add(2),
        _ => 0,
    }
}

/// How far the text goes along one of the paths.
fn path(rest: &[char]) -> usize {
    let from = |path: &[char]| {
        path.iter()
            .zip(rest)
            .take_while(|(one, other)| one == other)
            .count()
    };
    let along = |path: &Vec<char>| {
        let starts = 0..path.len();
        starts.filter_map(|at| path.get(at..).map(from)).max()
    };
    PATH_CHARS
        .iter()
        .filter_map(along)
        .max()
        .unwrap_or_default()
}

/// Calls back with the length of each common word that the text begins with, in any of its spellings.
fn words(rest: &[char], mut found: impl FnMut(usize)) {
    let spellings: [fn(char) -> char; 3] = [|c| c, |c| plain(c, 'i'), |c| plain(c, 'l')];
    for spelling in spellings {
        let mut word = Zeroizing::new(String::with_capacity(MAX_WORD_CHARS.saturating_mul(4)));
        for (c, len) in rest.iter().zip(1..=MAX_WORD_CHARS) {
            word.push(spelling(*c));
            if len >= MIN_WORD_CHARS && is_common(&word) {
                found(len);
            }
        }
    }
}

/// The letter that a digit or sign stands for in `p4$$w0rd`; 1 and ! stand for two.
fn plain(c: char, one: char) -> char {
    match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        '1' | '!' => one,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{is_common, length_without_repetition, score};

    #[test]
    fn each_pattern_has_its_score() {
        for (text, expected) in [
            ("", 0),
            ("x", 1),
            ("xkzvpfmw", 8),
            ("aaaaaaaaaaaaaaa", 2),
            ("xyxyxyxyxyxyxyx", 3),
            ("abcdefghijklmno", 2),
            ("ponmlkjihgfedcb", 2),
            ("абвгдежзийклмно", 2),
            ("qwertyuiop", 2),
            ("poiuytrewq", 2),
            ("йцукенгшщз", 2),
            ("1qaz2wsx3edc4rfv", 2),
            ("password", 3),
            ("p@$$w0rd", 3),
            ("l1verp00l", 3),
            ("passwordpassword", 4),
            ("password1234567", 4),
            ("sunshine05061987", 7),
            ("482937150284617", 8),
        ] {
            assert_eq!(score(text, 100), expected, "{text}");
        }
        assert_eq!(score("xkzvpfmwxkqjdg", 8), 8, "counting stops");
    }

    #[test]
    fn what_is_said_twice_counts_once() {
        for (text, chars) in [
            ("", 0),
            ("refrigerator", 12),
            ("refrigeratorrefrigerator", 12),
            ("refrigeratorrefrigerator17", 14),
            ("com-com-com-com-com", 4),
            ("aaaaaaaaaaaaaaa", 1),
            ("abcabcab", 3),
            ("abcab", 5),
        ] {
            assert_eq!(length_without_repetition(text), chars, "{text}");
        }
    }

    #[test]
    fn the_longest_password_is_judged_too() {
        for text in [
            "a".repeat(1024),
            "ab1!".repeat(256),
            "q".repeat(512) + &"1".repeat(512),
        ] {
            assert!(score(&text, 8) < 8);
            assert!(length_without_repetition(&text) < 1024 || text.contains("q1"));
        }
        assert!(is_common("1q2w3e4r5t6y7u8i9o0p"));
    }
}

//! Which passwords are too easy to guess though they are long, and that good ones of every script pass.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use portcullis::password::{Password, PasswordPolicy, PolicyError};

fn check(text: &str) -> Result<(), PolicyError> {
    PasswordPolicy::default().check(&Password::new(text), &[])
}

/// Numbers that are the same in every run (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<'l, T: ?Sized>(&mut self, list: &[&'l T]) -> &'l T {
        list[self.below(list.len())]
    }
}

fn common() -> Vec<&'static str> {
    include_str!("../../src/password/common/passwords.txt")
        .lines()
        .collect()
}

#[test]
fn patterns_are_refused_however_long_they_are() {
    for text in [
        // Repeats.
        "aaaaaaaaaaaaaaa",
        "abcabcabcabcabcabc",
        "passwordpassword",
        "refrigeratorrefrigerator",
        "Refrigerator-refrigerator-",
        "xkzvpfmwxkzvpfmw",
        "пароляпароляпароля",
        "密码密码密码密码密码密码密码密码",
        "112233112233112233",
        // Sequences.
        "123456789012345",
        "987654321098765",
        "abcdefghijklmnop",
        "zyxwvutsrqponml",
        "abcdefgh12345678",
        "абвгдежзийклмноп",
        // Walks over keyboards.
        "qwertyuiop12345",
        "qwertyuiopasdfgh",
        "1qaz2wsx3edc4rfv",
        "zaq12wsxcde34rfv",
        "1q2w3e4r5t6y7u8i",
        "poiuytrewqlkjhg",
        "qwertzuiopasdfg",
        "azertyuiopqsdfg",
        "йцукенгшщзфывап",
        "!@#$%^&*()_qwerty",
        "147258369147258",
        // A common word doubled, or with digits or signs.
        "password1234567",
        "Password1234567!",
        "sunshinesunshine1",
        "football19900704",
        "dragon1234567890",
        "P@ssw0rd12345678",
        "letmeinletmein!!",
        "iloveyou20242025",
        "4829371password",
        "liverpool!!!!!!!",
        "12345monkey12345",
        "passwordfootball",
        // On the list as they are.
        "manchesterunited",
        "q1w2e3r4t5y6u7i8",
        "momsanaladventure",
    ] {
        assert_eq!(check(text), Err(PolicyError::Common), "{text}");
        assert_eq!(
            check(&text.to_uppercase()),
            Err(PolicyError::Common),
            "{text}"
        );
    }
}

#[test]
fn every_common_word_is_refused_twice_and_with_digits() {
    let words = common();
    let plain = |word: &&str| {
        (7..=12).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())
    };
    let words: Vec<_> = words.into_iter().filter(plain).collect();
    assert!(words.len() > 5_000);
    for word in words {
        for text in [
            word.repeat(3),
            format!("{word}{word}123"),
            format!("{word}123456789"),
            format!("19870504{word}"),
        ] {
            assert_eq!(check(&text), Err(PolicyError::Common), "{text}");
        }
    }
}

#[test]
fn passphrases_of_four_words_pass_even_if_each_word_is_a_common_password() {
    for text in [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "my cat sleeps on the piano",
        "Ein Käfer fuhr nach Ulm 1908",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    let words = common();
    let plain =
        |word: &&str| (4..=9).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase());
    let words: Vec<_> = words.into_iter().filter(plain).collect();
    let mut numbers = Numbers(1);
    for round in 0..1_000 {
        let phrase = [(); 4].map(|()| numbers.pick(&words));
        let phrase = phrase.join(["", " ", "-", "."][round % 4]);
        if phrase.chars().count() >= 15 {
            assert_eq!(check(&phrase), Ok(()), "{phrase}");
        }
    }
}

#[test]
fn random_characters_pass() {
    let sets = [
        "abcdefghijklmnopqrstuvwxyz",
        "0123456789abcdef",
        "ABCDEFGHJKMNPQRSTVWXYZ23456789",
        "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    ];
    let mut numbers = Numbers(2);
    for round in 0..2_000 {
        let set: Vec<char> = sets[round % sets.len()].chars().collect();
        let text: String = (0..15 + round % 10)
            .map(|_| set[numbers.below(set.len())])
            .collect();
        assert_eq!(check(&text), Ok(()), "{text}");
        let text: String = (0..15)
            .map(|_| char::from_u32(33 + u32::try_from(numbers.below(94)).unwrap()).unwrap())
            .collect();
        assert_eq!(check(&text), Ok(()), "{text}");
    }
}

#[test]
fn passphrases_in_other_scripts_pass() {
    let languages = [
        "корова лестница вечер синий гитара облако поезд чайник дерево рыба",
        "θάλασσα βουνό καρέκλα ποτάμι μήλο δρόμος ουρανός βιβλίο πέτρα άνεμος",
        "שולחן גשר ענן מפתח תפוח רכבת חלון נהר ציפור מטריה",
        "قهوة جبل نافذة كتاب سفينة مفتاح حديقة نجمة جسر تفاحة",
        "पहाड़ खिड़की किताब बादल नदी चाबी सेब रेलगाड़ी पेड़ तारा",
        "แม่น้ำ ภูเขา หน้าต่าง หนังสือ กุญแจ แอปเปิล รถไฟ ต้นไม้ ดาว สะพาน",
        "さくら でんしゃ まど ほん かぎ りんご やま かわ ほし はし",
        "사과나무 기차 창문 책상 열쇠 산꼭대기 강물 별빛 다리 구름",
        "馬鈴薯 火車站 圖書館 鑰匙圈 蘋果樹 山頂 河流 星星 橋樑 雲朵",
        "çilek pencere köprü yıldız anahtar bulut ırmak ağaç tren dağ",
    ];
    let mut numbers = Numbers(3);
    for words in languages {
        let words: Vec<_> = words.split(' ').collect();
        for _ in 0..100 {
            let phrase = [(); 6].map(|()| numbers.pick(&words));
            // The same word twice in a row is worth less, and rightly.
            if phrase.windows(2).all(|pair| pair[0] != pair[1]) {
                let phrase = phrase.join(" ");
                assert_eq!(check(&phrase), Ok(()), "{phrase}");
            }
        }
    }
    // Ideographs by chance.
    for _ in 0..300 {
        let text: String = (0..15)
            .map(|_| {
                char::from_u32(0x4e00 + u32::try_from(numbers.below(0x5000)).unwrap()).unwrap()
            })
            .collect();
        assert_eq!(check(&text), Ok(()), "{text}");
    }
}

#[test]
fn a_shorter_minimum_asks_for_less() {
    let eight = PasswordPolicy::default().with_min_length(8).unwrap();
    let check = |text: &str| eight.check(&Password::new(text), &[]);
    for text in [
        "abcdefgh",
        "qwertyui",
        "aaaaaaaa",
        "abcabcabc",
        "1234abcd",
        "20242025",
    ] {
        assert_eq!(check(text), Err(PolicyError::Common), "{text}");
    }
    for text in ["xk3!abcQ", "tq7#Lz!x", "vugapelo", "4vogel%m"] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

//! Text that must not leak: redacted in `Debug`, wiped when dropped, read only through `expose`.

/// Defines a newtype around secret text.
///
/// The type has no `Display`, no `Serialize` and no `PartialEq`; its `Debug` prints only its name.
macro_rules! secret_text {
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone)]
        $vis struct $name(zeroize::Zeroizing<String>);

        impl $name {
            /// Shows the secret text. Search for calls of this method to review where secrets go.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(concat!(stringify!($name), "(<redacted>)"))
            }
        }
    };
}

pub(crate) use secret_text;

//! The Authorization header, RFC 6750 and 9110.

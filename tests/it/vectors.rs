//! Published test vectors: RFC 7515, 7638, 8037, 9106.

//! Every row of the error table.

//! Where panels' data comes from. Each source gives plain structures, and says what went wrong as a closed set.

pub mod host;

//! The status of a call. Positive: not an error. Negative: an error, whose text is in `last_error`.

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    InvalidArgument(String),
    InvalidHandle,
    AbiMismatch(String),
    Storage(String),
    Panic(String),
    Closed,
}

pub const OK: i32 = 0;
pub const NOT_FOUND: i32 = 1;
pub const END: i32 = 2;

impl Error {
    pub fn code(&self) -> i32 {
        match self {
            Error::InvalidArgument(_) => -1,
            Error::InvalidHandle => -2,
            Error::AbiMismatch(_) => -3,
            Error::Storage(_) => -4,
            Error::Panic(_) => -5,
            Error::Closed => -6,
        }
    }

    pub fn text(&self) -> String {
        match self {
            Error::InvalidArgument(why) => format!("invalid argument: {why}"),
            Error::InvalidHandle => {
                "the handle is not open: it was closed, or never came from this library".into()
            }
            Error::AbiMismatch(why) => format!("ABI mismatch: {why}"),
            Error::Storage(why) => format!("storage: {why}"),
            Error::Panic(why) => format!("internal error: {why}"),
            Error::Closed => "the store is closing".into(),
        }
    }
}

impl<E: Into<redb::Error>> From<E> for Error {
    fn from(error: E) -> Self {
        Error::Storage(error.into().to_string())
    }
}

pub type Result<T> = std::result::Result<T, Error>;

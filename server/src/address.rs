//! Addresses of resources: `shm://store`, `shm://buffers/{id}`, `shm://pools/{name}`.

use std::fmt::{self, Display};

use dcc_mcp_shm::{Reference, is_hidden};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// The ASCII characters that are percent-encoded in an address: all but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) const BUFFERS: &str = "shm://buffers/{id}";
pub(crate) const POOLS: &str = "shm://pools/{name}";

const STORE: &str = "shm://store";
const OF_BUFFER: &str = "shm://buffers/";
const OF_POOL: &str = "shm://pools/";

/// An address as it is shown: hidden characters in it are percent-encoded, as they should have been from the start.
pub(crate) fn visible_address(uri: &str) -> String {
    let mut shown = String::with_capacity(uri.len());
    for c in uri.chars() {
        if is_hidden(c) {
            shown.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), RESERVED));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The address of a resource. Buffers and pools are addressed by id or by unique name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResourceUri {
    Store,
    Buffer(Reference),
    Pool(Reference),
}

impl ResourceUri {
    /// `None` if no resource can have this address.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let reference = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().ok()?;
            // A whole descriptor cannot stand in an address.
            let reference = text.parse().ok()?;
            (!matches!(reference, Reference::Descriptor(_))).then_some(reference)
        };
        if uri == STORE {
            return Some(Self::Store);
        }
        if let Some(buffer) = uri.strip_prefix(OF_BUFFER) {
            return reference(buffer).map(Self::Buffer);
        }
        reference(uri.strip_prefix(OF_POOL)?).map(Self::Pool)
    }

    /// The buffer or pool that is addressed.
    pub(crate) fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Store => None,
            Self::Buffer(reference) | Self::Pool(reference) => Some(reference),
        }
    }
}

impl Display for ResourceUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, reference) = match self {
            Self::Store => return f.write_str(STORE),
            Self::Buffer(reference) => (OF_BUFFER, reference),
            Self::Pool(reference) => (OF_POOL, reference),
        };
        match reference {
            Reference::Name(name) => write!(f, "{prefix}{}", utf8_percent_encode(name, RESERVED)),
            Reference::Id(id) => write!(f, "{prefix}{id}"),
            // No address is made with a reference of another kind.
            _ => f.write_str(prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_their_text() {
        let name = Reference::Name("hero/body é%2F?".to_owned());
        for uri in [
            ResourceUri::Store,
            ResourceUri::Buffer(uuid::Uuid::max().into()),
            ResourceUri::Buffer(name.clone()),
            ResourceUri::Pool(name),
        ] {
            assert_eq!(ResourceUri::parse(&uri.to_string()), Some(uri));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for uri in [
            "",
            "shm://",
            "shm://buffers",
            "shm://buffers/",
            "shm://pools/%00",
            "shm://buffers/%ff",
            "file:///etc",
        ] {
            assert_eq!(ResourceUri::parse(uri), None, "{uri}");
        }
        assert_eq!(ResourceUri::parse("shm://buffers/%7B%22id%22%3A1%7D"), None);
    }
}

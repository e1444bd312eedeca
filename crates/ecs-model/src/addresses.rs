//! The addresses of a server: a map whose keys are the names of networks.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize as DeriveSerialize};

use crate::lenient::{self, Plain, Reader, Unusual};

/// The addresses of a server by network, in the order of the answer. Unreadable ones are omitted.
///
/// Source: `lifecycle_management/listing_details_about_ecss` of the vendor's API reference.
///
/// ```
/// use ecs_model::Addresses;
///
/// let json = r#"{"vpc-1": [{"version": "4", "addr": "10.0.0.4", "OS-EXT-IPS:type": "fixed"}]}"#;
/// let addresses: Addresses = serde_json::from_str(json)?;
/// let all: Vec<&str> = addresses.iter().filter_map(|address| address.addr.as_deref()).collect();
/// assert_eq!(all, ["10.0.0.4"]);
/// # Ok::<_, serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(Vec<(String, Vec<Address>)>);

/// An address of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, DeriveSerialize)]
#[non_exhaustive]
pub struct Address {
    /// The address itself.
    #[serde(
        default,
        deserialize_with = "crate::lenient::scalar",
        skip_serializing_if = "Option::is_none"
    )]
    pub addr: Option<String>,
    /// 4 or 6.
    #[serde(
        default,
        deserialize_with = "crate::lenient::scalar",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// `fixed` for a private address, `floating` for one that is reachable from outside.
    #[serde(
        rename = "OS-EXT-IPS:type",
        default,
        deserialize_with = "crate::lenient::scalar",
        skip_serializing_if = "Option::is_none"
    )]
    pub kind: Option<String>,
}

impl Addresses {
    /// Returns all addresses, network by network.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter().flat_map(|(_, addresses)| addresses)
    }

    /// Returns the networks, each with its addresses.
    pub fn networks(&self) -> impl Iterator<Item = (&str, &[Address])> {
        self.0
            .iter()
            .map(|(network, addresses)| (network.as_str(), addresses.as_slice()))
    }
}

impl<'de> Deserialize<'de> for Addresses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Networks;
        impl<'de> Visitor<'de> for Networks {
            type Value = Addresses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("networks with addresses")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Addresses, A::Error> {
                let mut networks = Vec::new();
                while let Some(network) = map.next_key::<String>()? {
                    if let Some(addresses) = map.next_value_seed(AddressList)? {
                        networks.push((network, addresses));
                    }
                }
                networks.shrink_to_fit();
                Ok(Addresses(networks))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Addresses, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Addresses::default())
            }
        }
        deserializer.deserialize_any(Networks)
    }
}

/// The readable addresses of one network.
struct AddressList;

impl<'de> DeserializeSeed<'de> for AddressList {
    type Value = Option<Vec<Address>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        lenient::objects(deserializer)
    }
}

impl Plain for Addresses {
    /// Reads all members: their names are not known beforehand.
    fn fill(&mut self, reader: &mut Reader<'_>) -> Result<(), Unusual> {
        *self = reader.value()?;
        Ok(())
    }
}

impl Serialize for Addresses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (network, addresses) in &self.0 {
            map.serialize_entry(network, addresses)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;

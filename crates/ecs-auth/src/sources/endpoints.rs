//! Where the services of a region are.

use http::Uri;

/// Clouds whose addresses are known, by what their hosts end with.
const CLOUDS: [(&str, &str); 3] = [
    (".otc.t-systems.com", "Open Telekom Cloud"),
    (".myhuaweicloud.com", "Huawei Cloud"),
    (".myhuaweicloud.eu", "Huawei Cloud"),
];

/// The address of a service (`ecs`, `iam`) in a region, as the clouds name them today:
/// <https://docs.otc.t-systems.com/regions-and-endpoints/> and <https://developer.huaweicloud.com/endpoint>.
fn by_region(service: &str, region: &str) -> String {
    let host = match region {
        "eu-de" | "eu-nl" => format!("{service}.{region}.otc.t-systems.com"),
        "eu-ch2" if service == "iam" => format!("iam-pub.{region}.sc.otc.t-systems.com"),
        "eu-ch2" => format!("{service}.{region}.sc.otc.t-systems.com"),
        "eu-west-101" => format!("{service}.{region}.myhuaweicloud.eu"),
        _ => format!("{service}.{region}.myhuaweicloud.com"),
    };
    format!("https://{host}")
}

/// The address of a service by the region, unless one of the addresses that were given is of another cloud: credentials must
/// not go to a cloud that nobody named. Regions of these clouds are lower-case.
pub(super) fn guess(service: &str, region: &str, given: &[&str]) -> Option<String> {
    let address = by_region(service, region);
    let cloud = cloud_of(&address);
    let lower = !region.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower && given.iter().all(|other| cloud_of(other) == cloud)).then_some(address)
}

fn cloud_of(address: &str) -> Option<&'static str> {
    let uri: Uri = address.trim().parse().ok()?;
    let host = uri.host()?.to_ascii_lowercase();
    let mut clouds = CLOUDS.iter();
    let found = clouds.find(|(ending, _)| host.ends_with(ending));
    found.map(|(_, cloud)| *cloud)
}

/// The IAM of Open Telekom Cloud in a region, as `profile: otc` in `clouds.yaml` means it.
pub(super) fn iam_of_otc(region: &str) -> String {
    in_region("https://iam.eu-de.otc.t-systems.com/v3", region)
}

/// The ECS of a region beside an IAM: `https://iam.REGION.CLOUD/v3` has its ECS at `https://ecs.REGION.CLOUD`.
pub(super) fn ecs_beside(iam: &str, region: &str) -> Option<String> {
    let rest = after_iam(iam)?;
    let (own, cloud) = rest.split_once('.')?;
    if own == region {
        return Some(format!("https://ecs.{rest}"));
    }
    let guessed = guess("ecs", region, &[iam]);
    Some(guessed.unwrap_or_else(|| format!("https://ecs.{region}.{cloud}")))
}

/// The same cloud's IAM in another region, if the address has a region in it; otherwise it is that of all regions.
pub(super) fn in_region(iam: &str, region: &str) -> String {
    match region_of(iam) {
        Some(own) if own != region => guess("iam", region, &[iam])
            .unwrap_or_else(|| iam.replacen(&format!(".{own}."), &format!(".{region}."), 1)),
        _ => iam.to_owned(),
    }
}

/// The region that an address of IAM names.
pub(super) fn region_of(iam: &str) -> Option<String> {
    let rest = after_iam(iam)?;
    rest.split('.').next().map(str::to_owned)
}

/// What follows `iam.` in its host, if that begins with a region: `iam.myhuaweicloud.com` is that of all regions.
fn after_iam(iam: &str) -> Option<String> {
    let uri: Uri = iam.trim().parse().ok()?;
    let host = uri.host()?;
    let rest = ["iam.", "iam-pub."]
        .iter()
        .find_map(|prefix| host.strip_prefix(prefix))?;
    let (region, _) = rest.split_once('.')?;
    region.contains('-').then(|| rest.to_owned())
}

/// A region may be named where only a project is: `eu-de_staging` is a project in `eu-de`.
pub(super) fn region_of_project(name: &str) -> Option<String> {
    let region = name.split('_').next()?;
    let known_form =
        region.contains('-') && region.ends_with(|last: char| last.is_ascii_alphanumeric());
    (known_form && is_region(region)).then(|| region.to_owned())
}

/// Whether this can be the name of a region. It becomes a part of host names: with a dot or a slash in it, credentials would go
/// to whoever has the rest.
pub(super) fn is_region(name: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::{by_region, ecs_beside, guess, in_region, region_of, region_of_project};

    #[test]
    fn each_cloud_has_its_names() {
        for (service, region, address) in [
            ("ecs", "eu-de", "https://ecs.eu-de.otc.t-systems.com"),
            ("iam", "eu-nl", "https://iam.eu-nl.otc.t-systems.com"),
            ("ecs", "eu-ch2", "https://ecs.eu-ch2.sc.otc.t-systems.com"),
            (
                "iam",
                "eu-ch2",
                "https://iam-pub.eu-ch2.sc.otc.t-systems.com",
            ),
            (
                "ecs",
                "cn-north-4",
                "https://ecs.cn-north-4.myhuaweicloud.com",
            ),
            (
                "iam",
                "ap-southeast-1",
                "https://iam.ap-southeast-1.myhuaweicloud.com",
            ),
            (
                "ecs",
                "eu-west-101",
                "https://ecs.eu-west-101.myhuaweicloud.eu",
            ),
        ] {
            assert_eq!(by_region(service, region), address);
        }
    }

    #[test]
    fn an_address_of_iam_tells_the_rest() {
        for (iam, ecs, region) in [
            (
                "https://iam.eu-de.otc.t-systems.com:443/v3",
                Some("https://ecs.eu-de.otc.t-systems.com"),
                Some("eu-de"),
            ),
            (
                "https://iam-pub.eu-ch2.sc.otc.t-systems.com/v3",
                Some("https://ecs.eu-ch2.sc.otc.t-systems.com"),
                Some("eu-ch2"),
            ),
            (
                "https://iam.eu-west-0.prod-cloud-ocb.orange-business.com",
                Some("https://ecs.eu-west-0.prod-cloud-ocb.orange-business.com"),
                Some("eu-west-0"),
            ),
            ("https://iam.myhuaweicloud.com/v3", None, None),
            ("http://127.0.0.1:40123/v3", None, None),
            ("nonsense", None, None),
            ("", None, None),
        ] {
            let beside = ecs_beside(iam, region.unwrap_or("eu-de"));
            assert_eq!(beside.as_deref(), ecs, "{iam}");
            assert_eq!(region_of(iam).as_deref(), region, "{iam}");
        }
    }

    #[test]
    fn another_region_is_of_the_same_cloud() {
        const OTC: &str = "https://iam.eu-de.otc.t-systems.com/v3";
        const ORANGE: &str = "https://iam.eu-west-0.prod-cloud-ocb.orange-business.com:8443/v3";
        for (iam, region, other, ecs) in [
            (
                OTC,
                "eu-ch2",
                "https://iam-pub.eu-ch2.sc.otc.t-systems.com",
                "https://ecs.eu-ch2.sc.otc.t-systems.com",
            ),
            (
                OTC,
                "eu-dee",
                "https://iam.eu-dee.otc.t-systems.com/v3",
                "https://ecs.eu-dee.otc.t-systems.com",
            ),
            (OTC, "eu-de", OTC, "https://ecs.eu-de.otc.t-systems.com"),
            (
                ORANGE,
                "eu-de",
                "https://iam.eu-de.prod-cloud-ocb.orange-business.com:8443/v3",
                "https://ecs.eu-de.prod-cloud-ocb.orange-business.com",
            ),
            (
                "https://iam.cn-north-4.myhuaweicloud.com",
                "eu-west-101",
                "https://iam.eu-west-101.myhuaweicloud.eu",
                "https://ecs.eu-west-101.myhuaweicloud.eu",
            ),
        ] {
            assert_eq!(in_region(iam, region), other);
            assert_eq!(ecs_beside(iam, region).as_deref(), Some(ecs));
        }
        let keystone = "https://keystone.corp:5000/v3";
        assert_eq!(in_region(keystone, "eu-de"), keystone);
    }

    #[test]
    fn nothing_is_guessed_beside_an_address_of_another_cloud() {
        let ecs = "https://ecs.eu-de.otc.t-systems.com";
        for (region, given, guessed) in [
            ("eu-de", &[][..], Some(ecs)),
            ("eu-de", &["https://IAM.eu-nl.OTC.t-systems.com"], Some(ecs)),
            ("eu-de", &["https://keystone.corp"], None),
            ("eu-de", &["https://otc.t-systems.com.evil.example"], None),
            ("eu-de", &["http://127.0.0.1:9"], None),
            ("eu-de", &["nonsense "], None),
            ("cn-north-4", &["https://ecs.eu-de.otc.t-systems.com"], None),
            ("EU-DE", &[], None),
        ] {
            assert_eq!(guess("ecs", region, given).as_deref(), guessed, "{given:?}");
        }
    }

    #[test]
    fn a_project_tells_its_region() {
        assert_eq!(region_of_project("eu-de").as_deref(), Some("eu-de"));
        assert_eq!(region_of_project("eu-de_a-b").as_deref(), Some("eu-de"));
        assert_eq!(
            region_of_project("cn-north-4").as_deref(),
            Some("cn-north-4")
        );
        assert_eq!(region_of_project("staging"), None);
        assert_eq!(region_of_project("eu-de.evil.example/a"), None);
        assert_eq!(region_of_project(""), None);
    }
}

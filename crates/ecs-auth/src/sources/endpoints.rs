//! Where the services of a region are.

use http::Uri;

/// The address of a service (`ecs`, `iam`) in a region, as the clouds name them today:
/// <https://docs.otc.t-systems.com/regions-and-endpoints/> and <https://developer.huaweicloud.com/endpoint>.
pub(super) fn by_region(service: &str, region: &str) -> String {
    let host = match region {
        "eu-de" | "eu-nl" => format!("{service}.{region}.otc.t-systems.com"),
        "eu-ch2" if service == "iam" => format!("iam-pub.{region}.sc.otc.t-systems.com"),
        "eu-ch2" => format!("{service}.{region}.sc.otc.t-systems.com"),
        "eu-west-101" => format!("{service}.{region}.myhuaweicloud.eu"),
        _ => format!("{service}.{region}.myhuaweicloud.com"),
    };
    format!("https://{host}")
}

/// The ECS beside an IAM: `https://iam.REGION.CLOUD/v3` has its ECS at `https://ecs.REGION.CLOUD`.
pub(super) fn ecs_beside(iam: &str) -> Option<String> {
    Some(format!("https://ecs.{}", after_iam(iam)?))
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
    use super::{by_region, ecs_beside, region_of, region_of_project};

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
            assert_eq!(ecs_beside(iam).as_deref(), ecs, "{iam}");
            assert_eq!(region_of(iam).as_deref(), region, "{iam}");
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

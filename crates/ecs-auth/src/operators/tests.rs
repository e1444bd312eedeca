use super::{IamHost, Operator, ecs_beside, in_region, is_region, region_of, region_of_project};

fn only(region: &str) -> Operator {
    let operators = Operator::of_region(region);
    assert_eq!(operators.len(), 1, "{region}: {operators:?}");
    operators[0]
}

#[test]
fn each_region_of_one_operator_has_its_hosts() {
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
            "tr-west-1",
            "https://iam.tr-west-1.myhuaweicloud.com",
        ),
        (
            "ecs",
            "eu-west-101",
            "https://ecs.eu-west-101.myhuaweicloud.eu",
        ),
    ] {
        assert_eq!(only(region).address(service, region), address);
    }
}

#[test]
fn a_region_that_several_operators_or_none_have_is_not_guessed() {
    for (region, ids) in [
        ("eu-west-0", &["huaweicloud", "flexible-engine"][..]),
        ("ru-moscow-1", &["huaweicloud", "cloudru"]),
        ("ae-ad-1", &["huaweicloud", "core42"]),
        ("my-kualalumpur-1", &["huaweicloud", "tm"]),
        ("eu-dee", &[]),
        ("EU-DE", &[]),
        ("eu-de_team", &[]),
        ("RegionOne", &[]),
    ] {
        let found: Vec<&str> = Operator::of_region(region)
            .into_iter()
            .map(Operator::id)
            .collect();
        assert_eq!(found, ids, "{region}");
    }
}

#[test]
fn the_table_is_consistent() {
    let mut ids = Vec::new();
    for operator in Operator::all() {
        assert!(!operator.regions().is_empty() && !operator.reference().is_empty());
        let names = operator.0.aliases.iter().chain([&operator.0.id]);
        for name in names {
            assert!(!ids.contains(name), "{name} appears twice");
            ids.push(name);
            assert_eq!(Operator::by_id(name), Some(operator));
        }
        for region in operator.regions() {
            assert!(is_region(region));
            for service in ["ecs", "iam"] {
                let address = operator.address(service, region);
                assert_eq!(Operator::of_address(&address), Some(operator), "{address}");
            }
        }
    }
    assert_eq!(Operator::by_id("nobody"), None);
}

#[test]
fn addresses_determine_the_operator() {
    for (address, id) in [
        ("https://IAM.eu-nl.OTC.t-systems.com/v3", Some("otc")),
        (
            "https://iam-pub.eu-ch2.sc.otc.t-systems.com",
            Some("otc-swiss"),
        ),
        ("https://iam.myhuaweicloud.com/v3", Some("huaweicloud")),
        (
            "https://ecs.eu-west-0.prod-cloud-ocb.orange-business.com",
            Some("flexible-engine"),
        ),
        ("https://ecs.ru-moscow-1.hc.sbercloud.ru", Some("cloudru")),
        ("https://otc.t-systems.com.evil.example", None),
        ("https://keystone.corp", None),
        ("nonsense ", None),
    ] {
        assert_eq!(
            Operator::of_address(address).map(Operator::id),
            id,
            "{address}"
        );
    }
}

#[test]
fn iam_addresses_determine_the_other_addresses() {
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
        (
            "https://iam-apigateway-proxy.cn-global-1.cloud.corp.example/v3",
            Some("https://ecs.cn-global-1.cloud.corp.example"),
            Some("cn-global-1"),
        ),
        ("http://127.0.0.1:40123/v3", None, None),
        ("https://keystone.corp:5000/v3", None, None),
        ("nonsense", None, None),
        ("", None, None),
    ] {
        let beside = ecs_beside(iam, region.unwrap_or("eu-de"));
        assert_eq!(beside.as_deref(), ecs, "{iam}");
        assert_eq!(region_of(iam).as_deref(), region, "{iam}");
    }
    // Huawei Cloud Stack without a region in the address.
    let stack = "https://iam-apigateway-proxy.corp.example/v3";
    assert_eq!(region_of(stack), None);
    assert!(IamHost::parse(stack).is_some());
    assert_eq!(
        ecs_beside(stack, "cn-global-1").as_deref(),
        Some("https://ecs.cn-global-1.corp.example")
    );
    let all = "https://iam.myhuaweicloud.com/v3";
    assert_eq!(region_of(all), None);
    assert_eq!(
        ecs_beside(all, "cn-north-4").as_deref(),
        Some("https://ecs.cn-north-4.myhuaweicloud.com")
    );
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
fn projects_determine_their_region() {
    assert_eq!(region_of_project("eu-de").as_deref(), Some("eu-de"));
    assert_eq!(region_of_project("eu-de_a-b").as_deref(), Some("eu-de"));
    assert_eq!(
        region_of_project("cn-north-4").as_deref(),
        Some("cn-north-4")
    );
    for name in ["staging", "pre-prod", "eu-de.evil.example/a", ""] {
        assert_eq!(region_of_project(name), None, "{name}");
    }
}

use ecs_ops::Outcome;

use super::*;

#[test]
fn the_first_time_of_a_server_counts() {
    let id = |number| ServerId::from_bytes([number; 16]);
    let at = |second| Timestamp::from_second(second).unwrap();
    let mut times = OutcomeTimes::default();
    for (number, second) in [(3, 1), (1, 1), (2, 2), (3, 2), (1, 3)] {
        times.note(id(number), at(second));
    }
    assert_eq!(times.times, [at(1), at(2), at(3)]);
    let report = |number| {
        let error = ecs_ops::Problem::new("not sent");
        ServerReport::new(id(number), Outcome::NotAttempted { error })
    };
    let mut servers = [1, 2, 3, 4].map(report);
    times.apply_to(&mut servers);
    let told = servers.map(|server| server.at);
    assert_eq!(told, [Some(at(1)), Some(at(2)), Some(at(1)), None]);
}

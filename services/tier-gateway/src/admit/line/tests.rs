//! The line over all that can happen to it.

use super::*;
use proptest::prelude::*;

fn model(name: &str) -> ModelName {
    ModelName::new(name).unwrap()
}

fn line(limit: usize) -> Line {
    Line::new(limit, HashMap::new())
}

/// A line of one place that is taken.
fn full() -> Line {
    let mut line = line(1);
    assert_eq!(
        line.ask(&model("m"), "p", Priority::Interactive),
        Asked::Entered
    );
    line
}

fn waits(line: &mut Line, project: &str, priority: Priority) -> u64 {
    match line.ask(&model("m"), project, priority) {
        Asked::Waits(id) => id,
        Asked::Entered => panic!("there is no room"),
    }
}

/// Ends one call and names who comes in.
fn next(line: &mut Line) -> Option<u64> {
    line.leave(&model("m"));
    let admitted = line.admit();
    assert!(admitted.len() <= 1);
    admitted.first().copied()
}

#[test]
fn a_burst_of_one_project_holds_up_nobody_else() {
    let mut line = full();
    let burst: Vec<_> = (0..5)
        .map(|_| waits(&mut line, "a", Priority::Interactive))
        .collect();
    let other = waits(&mut line, "b", Priority::Interactive);
    assert_eq!(next(&mut line), Some(burst[0]));
    assert_eq!(next(&mut line), Some(other));
    assert_eq!(next(&mut line), Some(burst[1]));
}

#[test]
fn batch_waits_for_interactive_but_not_for_ever() {
    let mut line = full();
    let batch = waits(&mut line, "a", Priority::Batch);
    let mut came = Vec::new();
    for _ in 0..=PATIENCE_OF_BATCH {
        waits(&mut line, "a", Priority::Interactive);
        came.push(next(&mut line).unwrap());
    }
    let place = came.iter().position(|id| *id == batch);
    assert_eq!(place, Some(PATIENCE_OF_BATCH as usize));
}

#[test]
fn a_model_that_is_full_does_not_hold_up_the_others() {
    let mut line = Line::new(2, HashMap::from([(model("small"), 1)]));
    assert_eq!(
        line.ask(&model("small"), "p", Priority::Interactive),
        Asked::Entered
    );
    let Asked::Waits(small) = line.ask(&model("small"), "p", Priority::Interactive) else {
        panic!("its model is full");
    };
    let Asked::Waits(other) = line.ask(&model("m"), "p", Priority::Interactive) else {
        panic!("somebody waits before it");
    };
    assert_eq!(line.admit(), [other]);
    line.leave(&model("small"));
    assert_eq!(line.admit(), [small]);
}

#[test]
fn who_gives_up_leaves_no_ghost() {
    let mut line = full();
    let gone = waits(&mut line, "a", Priority::Interactive);
    let stays = waits(&mut line, "b", Priority::Interactive);
    assert!(line.give_up(gone));
    assert!(!line.give_up(gone));
    assert_eq!(next(&mut line), Some(stays));
    assert_eq!(next(&mut line), None);
    assert_eq!((line.in_flight(), line.waiting()), (0, 0));
}

#[derive(Debug, Clone)]
enum Act {
    Ask { model: u8, project: u8, batch: bool },
    Leave(usize),
    GiveUp(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..3u8, 0..4u8, any::<bool>())
            .prop_map(|(model, project, batch)| Act::Ask { model, project, batch }),
        2 => any::<usize>().prop_map(Act::Leave),
        1 => any::<usize>().prop_map(Act::GiveUp),
    ]
}

/// The line beside a list of who is in and who waits.
struct World {
    line: Line,
    inside: Vec<ModelName>,
    waiting: Vec<(u64, ModelName)>,
}

impl World {
    fn act(&mut self, act: &Act) {
        match *act {
            Act::Ask {
                model: name,
                project,
                batch,
            } => {
                let name = model(["a", "b", "limited"][usize::from(name)]);
                let priority = if batch {
                    Priority::Batch
                } else {
                    Priority::Interactive
                };
                match self.line.ask(&name, &project.to_string(), priority) {
                    Asked::Entered => self.inside.push(name),
                    Asked::Waits(id) => self.waiting.push((id, name)),
                }
            }
            Act::Leave(which) if !self.inside.is_empty() => {
                let name = self.inside.swap_remove(which % self.inside.len());
                self.line.leave(&name);
            }
            Act::GiveUp(which) if !self.waiting.is_empty() => {
                let (id, _) = self.waiting.swap_remove(which % self.waiting.len());
                assert!(self.line.give_up(id));
            }
            Act::Leave(_) | Act::GiveUp(_) => {}
        }
        for id in self.line.admit() {
            let place = self
                .waiting
                .iter()
                .position(|(waiter, _)| *waiter == id)
                .unwrap();
            self.inside.push(self.waiting.swap_remove(place).1);
        }
    }
}

proptest! {
    #[test]
    fn the_limits_hold_nobody_is_lost_and_no_place_stays_empty(acts in prop::collection::vec(act(), 0..120), limit in 1usize..5) {
        let line = Line::new(limit, HashMap::from([(model("limited"), 1)]));
        let mut world = World { line, inside: vec![], waiting: vec![] };
        for act in &acts {
            world.act(act);
            let limited = world.inside.iter().filter(|own| own.as_str() == "limited").count();
            prop_assert!(world.inside.len() <= limit && limited <= 1);
            prop_assert_eq!(world.line.in_flight(), world.inside.len());
            prop_assert_eq!(world.line.waiting(), world.waiting.len());
            let has_room = |own: &ModelName| own.as_str() != "limited" || limited == 0;
            let idle = world.inside.len() < limit;
            prop_assert!(!(idle && world.waiting.iter().any(|(_, own)| has_room(own))));
        }
        while !world.inside.is_empty() {
            world.act(&Act::Leave(0));
        }
        prop_assert_eq!(world.line.waiting(), 0, "everybody had a turn");
    }

    #[test]
    fn projects_that_saturate_it_have_equal_shares(projects in 2usize..5, turns in 1usize..40) {
        let mut line = full();
        let mut owner = HashMap::new();
        for project in 0..projects {
            for _ in 0..40 {
                let id = waits(&mut line, &project.to_string(), Priority::Interactive);
                owner.insert(id, project);
            }
        }
        let mut served = vec![0usize; projects];
        for _ in 0..turns {
            served[owner[&next(&mut line).unwrap()]] += 1;
        }
        let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{served:?}");
    }
}

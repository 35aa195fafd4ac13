use super::*;
use crate::{
    node::{Node, PodAsk},
    queue::Shape,
};

fn sites(rooms: &[u64]) -> Vec<Site> {
    let site = |(index, cpu): (usize, &u64)| Site {
        node: Node { name: format!("n{index}"), usable: true, ..Node::default() },
        allocatable: Amounts::of(*cpu, 1 << 40, 110),
        foreign: Amounts::default(),
    };
    rooms.iter().enumerate().map(site).collect()
}

fn shapes(cpus: &[u64]) -> Shapes {
    let mut shapes = Shapes::default();
    for cpu in cpus {
        shapes.intern(Shape { requests: Amounts::of(*cpu, 1, 1), ..Shape::default() });
    }
    shapes
}

const BOTH: &[View] = &[View::Now, View::Soon];

#[test]
fn the_driver_goes_where_its_executors_still_fit() {
    // Two executors of 3 need both large nodes whole; first fit alone would put the driver on the first of them.
    let (shapes, sites) = (shapes(&[1, 3]), sites(&[3, 3, 1]));
    let mut ground = Ground::new(&shapes, &sites);
    let placement = ground.place(ShapeId(0), ShapeId(1), 2, View::Now).expect("room");
    assert_eq!(placement, Placement { driver: 2, executors: vec![(0, 1), (1, 1)] });
    assert!(ground.place(ShapeId(0), ShapeId(1), 3, View::Now).is_none());
}

#[test]
fn what_is_promised_soon_is_not_given_away_now() {
    let (shapes, sites) = (shapes(&[2]), sites(&[4]));
    let mut ground = Ground::new(&shapes, &sites);
    ground.take(ShapeId(0), 0, 1, &[View::Now]);
    assert_eq!((ground.slots(ShapeId(0), View::Now), ground.slots(ShapeId(0), View::Soon)), (1, 2));
    ground.take(ShapeId(0), 0, 2, &[View::Soon]);
    assert_eq!((ground.slots(ShapeId(0), View::Now), ground.slots(ShapeId(0), View::Soon)), (0, 0));
    ground.give(ShapeId(0), 0, 1, &[View::Soon]);
    assert_eq!(ground.one(ShapeId(0), View::Soon), Some(0));
}

#[test]
fn a_thousand_shapes_find_what_each_alone_would() {
    let sizes: Vec<u64> = (0..1000).map(|number| 1 + number * 7919 % 1000).collect();
    let (shapes, sites) = (shapes(&sizes), sites(&[400, 100, 250]));
    let mut ground = Ground::new(&shapes, &sites);
    let alone = |shape: u32| Ground::new(&shapes, &sites).place(ShapeId(shape), ShapeId(shape), 2, View::Now);
    for shape in (0..1000).chain([0, 1, 2]) {
        assert_eq!(ground.place(ShapeId(shape), ShapeId(shape), 2, View::Now), alone(shape));
    }
    // What was full is not, once something is given back.
    ground.take(ShapeId(0), 0, 400, BOTH);
    let half = sizes.iter().position(|size| *size == 200).expect("a shape") as u32;
    assert_eq!(ground.place(ShapeId(half), ShapeId(half), 1, View::Now), None);
    ground.give(ShapeId(0), 0, 400, BOTH);
    assert!(ground.place(ShapeId(half), ShapeId(half), 1, View::Now).is_some());
}

#[test]
fn a_selector_keeps_to_its_nodes() {
    let mut sites = sites(&[4, 4]);
    sites[1].node.labels.insert("disk".into(), "ssd".into());
    let mut shapes = Shapes::default();
    let ask = PodAsk { selector: [("disk".to_string(), "ssd".to_string())].into(), ..PodAsk::default() };
    let picky = shapes.intern(Shape { requests: Amounts::of(1, 1, 1), ask, ..Shape::default() });
    let mut ground = Ground::new(&shapes, &sites);
    assert_eq!((ground.one(picky, View::Now), ground.slots(picky, View::Now)), (Some(1), 4));
    ground.take(picky, 1, 4, BOTH);
    assert_eq!(ground.one(picky, View::Now), None);
}

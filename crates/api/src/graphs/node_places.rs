//! Where tasks without a place of their own are drawn: in layers from the top down.

use engine::spec::Definition;
use rust_sugiyama::configure::{Config, RankingType};
use rust_sugiyama::from_vertices_and_edges;

/// The size of a task in a picture, width and height.
const NODE: (f64, f64) = (180.0, 48.0);

/// The space between two tasks.
const SPACING: f64 = 40.0;

/// The number of tasks without any edge that stand in one row.
const ROW: usize = 20;

/// Returns the place of each task by index, x before y.
pub(super) fn place_nodes(definition: &Definition) -> Vec<(f64, f64)> {
    let mut places = vec![(0.0, 0.0); definition.tasks.len()];
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut has_edge = vec![false; definition.tasks.len()];
    for (to, task) in (0_u32..).zip(&definition.tasks) {
        for need in &task.needs {
            edges.push((need.task.0, to));
            has_edge[need.task.as_usize()] = true;
            has_edge[to as usize] = true;
        }
    }
    let vertices: Vec<(u32, (f64, f64))> = (0_u32..)
        .zip(&has_edge)
        .filter(|(_, has_edge)| **has_edge)
        .map(|(index, _)| (index, NODE))
        .collect();
    let config = Config {
        vertex_spacing: SPACING,
        // The other rankings, and transposing, take minutes for thousands of tasks.
        ranking_type: RankingType::Up,
        transpose: false,
        ..Config::default()
    };
    // Parts without an edge between them stand side by side.
    let mut left = 0.0;
    let mut bottom = 0.0_f64;
    if !vertices.is_empty() {
        for (part, width, height) in from_vertices_and_edges(&vertices, &edges, &config) {
            let least_x = part.iter().map(|(_, (x, _))| *x).fold(f64::INFINITY, f64::min);
            let least_y = part.iter().map(|(_, (_, y))| *y).fold(f64::INFINITY, f64::min);
            for (index, (x, y)) in part {
                places[index] = (left + x - least_x, y - least_y);
            }
            left += width + SPACING;
            bottom = bottom.max(height + SPACING);
        }
    }
    place_single_nodes(&mut places, &has_edge, bottom);
    places
}

/// Places tasks without any edge in rows below the others.
fn place_single_nodes(places: &mut [(f64, f64)], has_edge: &[bool], top: f64) {
    let single = has_edge.iter().enumerate().filter(|(_, has_edge)| !**has_edge);
    for (number, (index, _)) in single.enumerate() {
        let (column, row) = (number % ROW, number / ROW);
        places[index] = (
            column as f64 * (NODE.0 + SPACING),
            top + row as f64 * (NODE.1 + SPACING),
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn predecessors_stand_above_and_no_two_tasks_in_one_place() {
        let source = json!({"version": 1, "name": "w", "tasks": {
            "a": {"type": "noop"}, "b": {"type": "noop", "needs": ["a"]}, "c": {"type": "noop", "needs": ["a"]},
            "d": {"type": "noop", "needs": ["b", "c"]}, "e": {"type": "noop"}, "f": {"type": "noop"},
            "g": {"type": "noop", "needs": ["f"]}
        }});
        let definition = engine::spec::parse(&source).expect("a document");
        let places = place_nodes(&definition);
        let y = |index: usize| places[index].1;
        assert!(y(0) < y(1) && y(1) < y(3) && y(5) < y(6), "{places:?}");
        for (index, place) in places.iter().enumerate() {
            assert!(!places[..index].contains(place), "{places:?}");
        }
    }
}

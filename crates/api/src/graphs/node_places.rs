//! Where tasks without a place of their own are drawn: in layers from the top down.

use std::sync::Arc;

use catalog::PinnedDefinition;
use engine::spec::Definition;
use rust_sugiyama::configure::{Config, RankingType};
use rust_sugiyama::from_vertices_and_edges;
use store::VersionCache;

use crate::http::problem::Problem;

/// The size of a task in a picture, width and height.
const NODE: (f64, f64) = (180.0, 48.0);

/// The space between two tasks.
const SPACING: f64 = 40.0;

/// The number of tasks without any edge that stand in one row.
const ROW: usize = 20;

/// Versions whose places are kept; those of ten thousand tasks are 160 KiB.
const MAX_LAYOUTS: usize = 64;

/// The place of each task of a definition by index, x before y.
type NodePlaces = Vec<(f64, f64)>;

/// The places of versions that were drawn before.
#[derive(Debug)]
pub struct LayoutCache(VersionCache<NodePlaces>);

impl Default for LayoutCache {
    fn default() -> Self {
        Self(VersionCache::with_capacity(MAX_LAYOUTS))
    }
}

impl LayoutCache {
    /// Returns the places of a version. The first time they are found off the event loop: thousands of tasks take a
    /// while.
    pub(super) async fn places_of(&self, pinned: &PinnedDefinition) -> Result<Arc<NodePlaces>, Problem> {
        let version = (pinned.workflow.0, pinned.version);
        if let Some(places) = self.0.get(version) {
            return Ok(places);
        }
        let definition = Arc::clone(&pinned.definition);
        let places = tokio::task::spawn_blocking(move || place_nodes(&definition))
            .await
            .map_err(Problem::internal)?;
        let places = Arc::new(places);
        self.0.insert(version, Arc::clone(&places));
        Ok(places)
    }
}

/// Lays a definition out.
fn place_nodes(definition: &Definition) -> NodePlaces {
    let mut has_edge = vec![false; definition.tasks.len()];
    for (to, task) in definition.tasks.iter().enumerate() {
        for need in &task.needs {
            has_edge[need.task.as_usize()] = true;
            has_edge[to] = true;
        }
    }
    let mut places = vec![(0.0, 0.0); definition.tasks.len()];
    // Parts without an edge between them stand side by side.
    let (mut left, mut bottom) = (0.0, 0.0_f64);
    for part in layered_parts(definition, &has_edge) {
        let least = |axis: fn(&(f64, f64)) -> f64| {
            let of_part = part.iter().map(|(_, place)| axis(place));
            of_part.fold(f64::INFINITY, f64::min)
        };
        let (least_x, least_y) = (least(|place| place.0), least(|place| place.1));
        let mut right = left;
        for (index, (x, y)) in &part {
            let place = (left + x - least_x, y - least_y);
            right = place.0.max(right);
            bottom = bottom.max(place.1 + NODE.1 + SPACING);
            places[*index] = place;
        }
        left = right + NODE.0 + SPACING;
    }
    place_single_nodes(&mut places, &has_edge, bottom);
    places
}

/// Lays the tasks with edges out; each part is what edges connect, with the index and the place of each task.
fn layered_parts(definition: &Definition, has_edge: &[bool]) -> Vec<Vec<(usize, (f64, f64))>> {
    let indices: Vec<usize> = (0..has_edge.len()).filter(|index| has_edge[*index]).collect();
    if indices.is_empty() {
        return Vec::new();
    }
    let mut numbers = vec![0_u32; has_edge.len()];
    for (number, index) in (0..).zip(&indices) {
        numbers[*index] = number;
    }
    let vertices: Vec<(u32, (f64, f64))> = indices.iter().map(|index| (numbers[*index], NODE)).collect();
    let edges: Vec<(u32, u32)> = definition
        .tasks
        .iter()
        .enumerate()
        .flat_map(|(to, task)| task.needs.iter().map(move |need| (need.task.as_usize(), to)))
        .map(|(from, to)| (numbers[from], numbers[to]))
        .collect();
    let config = Config {
        vertex_spacing: SPACING,
        // The other rankings, and transposing, take minutes for thousands of tasks.
        ranking_type: RankingType::Up,
        transpose: false,
        ..Config::default()
    };
    let parts = from_vertices_and_edges(&vertices, &edges, &config).into_iter();
    parts
        .map(|(part, _, _)| {
            let nodes = part.into_iter();
            nodes
                .filter_map(|(number, place)| Some((*indices.get(number)?, place)))
                .collect()
        })
        .collect()
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

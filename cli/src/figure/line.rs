//! From functions to the points of a drawn line.

/// Points of a function before those are left out that a straight line passes.
const SAMPLES: usize = 600;

/// How far a point may lie from the line that leaves it out, in pixels.
const TOLERANCE: f64 = 0.04;

/// A point, in pixels.
pub(super) type Point = (f64, f64);

/// The runs of points that show `function` from `range.0` to `range.1`: one run between jumps and values
/// that are not finite. `place` gives the pixels of x and f(x).
pub(super) fn runs(
    function: &dyn Fn(f64) -> f64,
    (low, high): (f64, f64),
    jumps: &[f64],
    place: impl Fn(f64, f64) -> Point,
) -> Vec<Vec<Point>> {
    let inside = |jump: &f64| *jump > low && *jump < high;
    let mut ends: Vec<_> = jumps.iter().copied().filter(inside).collect();
    ends.sort_by(f64::total_cmp);
    ends.push(high);
    let mut runs = Vec::new();
    let mut from = low;
    for to in ends {
        // Just inside, so that a jump belongs to neither side.
        let inside = (high - low) * 1e-9;
        let count = ((to - from) / (high - low) * SAMPLES as f64)
            .ceil()
            .max(2.0) as usize;
        let mut run = Vec::new();
        for index in 0..=count {
            let x = from + (to - from) * index as f64 / count as f64;
            let y = function(x.clamp(from + inside, to - inside));
            if y.is_finite() {
                run.push(place(x, y));
            } else if !run.is_empty() {
                runs.push(simplified(&std::mem::take(&mut run)));
            }
        }
        if !run.is_empty() {
            runs.push(simplified(&run));
        }
        from = to;
    }
    runs
}

/// Without the points that lie on the line between others (Ramer 1972, Douglas and Peucker 1973).
fn simplified(points: &[Point]) -> Vec<Point> {
    let [first, between @ .., last] = points else {
        return points.to_vec();
    };
    let (dx, dy) = (last.0 - first.0, last.1 - first.1);
    let length = dx.hypot(dy).max(f64::MIN_POSITIVE);
    let distance =
        |point: &Point| ((point.0 - first.0) * dy - (point.1 - first.1) * dx).abs() / length;
    let farthest =
        (0..between.len()).max_by(|&a, &b| distance(&between[a]).total_cmp(&distance(&between[b])));
    match farthest {
        Some(index) if distance(&between[index]) > TOLERANCE => {
            let mut kept = simplified(&points[..=index + 1]);
            kept.pop();
            kept.extend(simplified(&points[index + 1..]));
            kept
        }
        _ => vec![*first, *last],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_lines_take_two_points_and_jumps_end_runs() {
        let place = |x: f64, y: f64| (x * 100.0, y * 100.0);
        let relu = runs(&|x| x.max(0.0), (-1.0, 2.0), &[0.0], place);
        assert_eq!(relu.len(), 2);
        assert!(relu.iter().all(|run| run.len() == 2), "{relu:?}");
        let step = runs(
            &|x| f64::from(u8::from(x > 0.0)),
            (-1.0, 1.0),
            &[0.0],
            place,
        );
        assert_eq!(step[0], [(-100.0, 0.0), (0.0, 0.0)]);
        assert_eq!(step[1], [(0.0, 100.0), (100.0, 100.0)]);
        let log = runs(&f64::ln, (-1.0, 1.0), &[], place);
        assert_eq!(log.len(), 1);
        assert!(log[0].len() > 10);
    }

    #[test]
    fn what_is_left_out_is_close_to_what_is_kept() {
        let place = |x: f64, y: f64| (x * 60.0, y * 60.0);
        let kept = &runs(&f64::tanh, (-3.0, 3.0), &[], place)[0];
        assert!(kept.len() < 80);
        for pair in kept.windows(2) {
            let middle = (pair[0].0 + pair[1].0) / 2.0;
            let drawn = (pair[0].1 + pair[1].1) / 2.0;
            assert!((drawn - (middle / 60.0).tanh() * 60.0).abs() < 0.1);
        }
    }
}

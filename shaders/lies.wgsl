// Where the lanes of a vector lie in a tensor seen as [outer, extent, inner], whose elements begin behind `skip` others. A
// lane that is no element lies where the nearest one does.

struct Lies { outer: u32, place: u32, column: u32 }

fn row_at(at: Lies) -> u32 { return at.outer * arguments.inner + at.column; }

// That of the first lane, by three quotients; `next_lies` goes on from there.
fn first_lies(vector: u32) -> Lies {
    let slice = arguments.extent * arguments.inner;
    let element = max(vector * 4u, arguments.skip) - arguments.skip;
    let outer = quotient(element, slice);
    let within = element - outer * slice;
    let place = quotient(within, arguments.inner);
    return Lies(outer, place, within - place * arguments.inner);
}

// That of the lane behind `lane`, which lies `at`.
fn next_lies(at: Lies, lane: u32) -> Lies {
    let count = arguments.outer * arguments.extent * arguments.inner;
    let goes_on = lane >= arguments.skip && lane + 1u < arguments.skip + count;
    let column = at.column + 1u;
    let wraps = column == arguments.inner;
    let place = select(at.place, at.place + 1u, wraps);
    let ends = place == arguments.extent;
    return Lies(
        select(at.outer, at.outer + 1u, goes_on && ends),
        select(at.place, select(place, 0u, ends), goes_on),
        select(at.column, select(column, 0u, wraps), goes_on),
    );
}

// Of all four lanes.
struct FourLies { x: Lies, y: Lies, z: Lies, w: Lies }
fn lies_of(vector: u32) -> FourLies {
    let x = first_lies(vector);
    let y = next_lies(x, vector * 4u);
    let z = next_lies(y, vector * 4u + 1u);
    return FourLies(x, y, z, next_lies(z, vector * 4u + 2u));
}

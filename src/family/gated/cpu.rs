//! Gated units on the processor, block by block: f by its own loops, the rest by the twin of the shaders.
//!
//! Longer than 500 lines: all layouts, passes and gradients share their blocks.

use std::{marker::PhantomData, ops::Range};

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::{Blocks, Gated, Unit, twin};
use crate::{
    cpu::{
        Slice, SliceMut,
        blocks::{BLOCK, RUN, TASK},
        channels::add,
        kernel::{self, Function, MOST, Parameters},
        lane::{Bool, Real},
    },
    error::Result,
    family::{Operation, pointwise::cpu::Part},
};

/// What a lane has beside gate and up.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    /// f's first parameter.
    pub(crate) a: Real,
    /// Where gate and up are clamped.
    limit: Real,
    /// What f's own loop gave: its value, what its slope makes of a gradient, or a term of a parameter's gradient.
    of_f: Real,
}

macro_rules! given_by_f {
    ($(fn $name:ident($($argument:ident),*);)*) => {
        $(#[inline(always)] pub(super) fn $name($($argument: Real,)* p: Parameter) -> Real { p.of_f })*
    };
}
given_by_f! {
    fn value_at(_x);
    fn backward_at(_x, _upstream);
    fn parameter_term(_x, _upstream);
}

#[inline(always)]
pub(super) fn limit_of(p: Parameter) -> Real {
    p.limit
}

/// What units are made of.
pub(crate) trait Lanes {
    fn gated(gate: Real, up: Real, p: Parameter) -> Real;
    fn gate_of(gate: Real, limit: Real) -> Real;
    fn up_of(up: Real, limit: Real) -> Real;
    fn gate_opens(gate: Real, limit: Real) -> Bool;
    fn up_opens(up: Real, limit: Real) -> Bool;
}

macro_rules! units {
    ($($Name:ident: $product:ident, $clamps:ident;)*) => {$(
        struct $Name;
        impl Lanes for $Name {
            #[inline(always)]
            fn gated(gate: Real, up: Real, p: Parameter) -> Real { twin::$product::gated(gate, up, p) }
            #[inline(always)]
            fn gate_of(gate: Real, limit: Real) -> Real { twin::$clamps::gate_of(gate, limit) }
            #[inline(always)]
            fn up_of(up: Real, limit: Real) -> Real { twin::$clamps::up_of(up, limit) }
            #[inline(always)]
            fn gate_opens(gate: Real, limit: Real) -> Bool { twin::$clamps::gate_opens(gate, limit) }
            #[inline(always)]
            fn up_opens(up: Real, limit: Real) -> Bool { twin::$clamps::up_opens(up, limit) }
        }
    )*};
}
units! {
    Glu: glu, plain;
    Geglu: geglu, plain;
    GegluTanh: geglu_tanh, plain;
    Swiglu: swiglu, plain;
    SwigluClamped: swiglu, clamped;
    Product: product, plain;
}

/// What a loop is given, all slices as long as its result.
#[derive(Clone, Copy)]
struct Given<'a> {
    gate: &'a [f32],
    up: &'a [f32],
    /// Upstream gradients; anything in a forward pass.
    upstream: &'a [f32],
    /// What f's own loop gave; anything where that is not asked for.
    of_f: &'a [f32],
    a: f32,
    limit: f32,
}

type Loop = fn(Given<'_>, &mut [f32]);

/// A function of one lane.
trait Lane {
    fn at(gate: Real, up: Real, upstream: Real, p: Parameter) -> Real;
}

/// The loop over `L` in the vectors of the processor.
fn each<L: Lane>(given: Given<'_>, y: &mut [f32]) {
    struct Each<'a, L> {
        given: Given<'a>,
        y: &'a mut [f32],
        lane: PhantomData<L>,
    }
    impl<L: Lane> NullaryFnOnce for Each<'_, L> {
        type Output = ();
        #[inline(always)]
        fn call(self) {
            match self.given.a {
                // A loop of its own, in which a factor of 1 costs nothing.
                1.0 => all::<L>(self.given, 1.0, self.y),
                a => all::<L>(self.given, a, self.y),
            }
        }
    }
    Arch::new().dispatch(Each::<L> {
        given,
        y,
        lane: PhantomData,
    });
}

#[inline(always)]
fn all<L: Lane>(given: Given<'_>, a: f32, y: &mut [f32]) {
    let (gate, up) = (&given.gate[..y.len()], &given.up[..y.len()]);
    let (upstream, of_f) = (&given.upstream[..y.len()], &given.of_f[..y.len()]);
    let limit = given.limit;
    for i in 0..y.len() {
        let of_f = of_f[i];
        y[i] = L::at(gate[i], up[i], upstream[i], Parameter { a, limit, of_f });
    }
}

/// A loop for each of these functions of any unit, `U`.
macro_rules! loops {
    ($($(#[$doc:meta])* $name:ident: $Lane:ident |$gate:ident, $up:ident, $upstream:ident, $p:ident| $value:expr;)*) => {
        /// The loops of a unit.
        struct Loops {
            $($(#[$doc])* $name: Loop,)*
        }
        $(struct $Lane<U>(PhantomData<U>);
        impl<U: Lanes> Lane for $Lane<U> {
            #[inline(always)]
            fn at($gate: Real, $up: Real, $upstream: Real, $p: Parameter) -> Real { $value }
        })*
        impl Loops {
            const fn of<U: Lanes>() -> Self {
                Self { $($name: each::<$Lane<U>>,)* }
            }
        }
    };
}
loops! {
    product: OfProduct |gate, up, _g, p| twin::product_at::<U>(gate, up, p);
    gate_gradient: OfGate |gate, up, g, p| twin::gate_gradient_at::<U>(gate, up, g, p);
    up_gradient: OfUp |gate, up, g, p| twin::up_gradient_at::<U>(gate, up, g, p);
    term: OfTerm |gate, up, g, p| twin::term_at::<U>(gate, up, g, p);
    /// What f is of.
    gate: OfF |gate, _up, _g, p| U::gate_of(gate, p.limit);
    /// What f's slope is applied to.
    factor: OfFactor |_gate, up, g, p| twin::factors(g, U::up_of(up, p.limit)).first;
}

/// A unit ready to compute: its loops, and f's.
struct Work {
    loops: Loops,
    /// Whether the loops take f's value as it is, rounded.
    rounded: bool,
    clamps: bool,
    gate_last: bool,
    value: Box<Function>,
    backward: Box<Function>,
    /// For each of f's parameters that a gradient is wanted of.
    terms: Vec<Box<Function>>,
    numbers: [f32; MOST],
    limit: f32,
}

/// Room for blocks in f32.
#[derive(Default)]
struct Rooms {
    inputs: [Vec<f32>; 3],
    outputs: [Vec<f32>; 3],
    upstream: Vec<f32>,
    gate: Vec<f32>,
    factor: Vec<f32>,
    of_f: Vec<f32>,
    term: Vec<f32>,
}

/// Gate and up, or their gradients, of some results, in the order in which they lie.
enum Both<T> {
    /// In a run each.
    Runs([T; 2]),
    /// In turn, so many of each.
    Turns(T, usize),
}

impl<'a> Both<Slice<'a>> {
    /// Those of some results in f32.
    fn widened<'r>(&self, range: Range<usize>, rooms: &'r mut [Vec<f32>; 3]) -> [&'r [f32]; 2]
    where
        'a: 'r,
    {
        let [first, second, both] = rooms;
        match *self {
            Self::Runs([a, b]) => [
                a.part(range.clone()).widened(first),
                b.part(range).widened(second),
            ],
            Self::Turns(x, turn) => {
                first.resize(range.len(), 0.0);
                second.resize(range.len(), 0.0);
                let x = x.part(2 * range.start..2 * range.end).widened(both);
                take_apart(x, turn, first, second);
                [first, second]
            }
        }
    }
}

impl Both<SliceMut<'_>> {
    /// How many results they are of.
    fn len(&self) -> usize {
        match self {
            Self::Runs([first, _]) => first.len(),
            Self::Turns(dx, _) => dx.len() / 2,
        }
    }

    /// Lets `write` fill those of some results in f32.
    fn fill(
        &mut self,
        range: Range<usize>,
        rooms: &mut [Vec<f32>; 3],
        write: impl FnOnce([&mut [f32]; 2]),
    ) {
        let [first, second, both] = rooms;
        match self {
            Self::Runs([a, b]) => a.part(range.clone()).fill_with(first, |a| {
                b.part(range).fill_with(second, |b| write([a, b]));
            }),
            Self::Turns(dx, turn) => {
                first.resize(range.len(), 0.0);
                second.resize(range.len(), 0.0);
                write([first, second]);
                dx.part(2 * range.start..2 * range.end)
                    .fill_with(both, |dx| put_together(first, second, *turn, dx));
            }
        }
    }
}

/// What lies in turn, `turn` of each.
fn take_apart(x: &[f32], turn: usize, first: &mut [f32], second: &mut [f32]) {
    if turn == 1 {
        let pairs = x.chunks_exact(2).zip(first).zip(second);
        return pairs.for_each(|((x, first), second)| (*first, *second) = (x[0], x[1]));
    }
    let turns = first.chunks_exact_mut(turn);
    let turns = turns.zip(second.chunks_exact_mut(turn));
    for ((first, second), x) in turns.zip(x.chunks_exact(2 * turn)) {
        first.copy_from_slice(&x[..turn]);
        second.copy_from_slice(&x[turn..]);
    }
}

fn put_together(first: &[f32], second: &[f32], turn: usize, x: &mut [f32]) {
    if turn == 1 {
        let pairs = x.chunks_exact_mut(2).zip(first).zip(second);
        return pairs.for_each(|((x, first), second)| (x[0], x[1]) = (*first, *second));
    }
    let turns = first.chunks_exact(turn).zip(second.chunks_exact(turn));
    for ((first, second), x) in turns.zip(x.chunks_exact_mut(2 * turn)) {
        x[..turn].copy_from_slice(first);
        x[turn..].copy_from_slice(second);
    }
}

/// How gate and up lie.
#[derive(Clone, Copy)]
enum Lie {
    Apart,
    /// In blocks of this length, in turn, which are taken one by one.
    Blocks(usize),
    /// In blocks of this length, which are taken several at a time.
    Turns(usize),
}

impl Lie {
    const fn of(blocks: Option<Blocks>) -> Self {
        match blocks {
            None => Self::Apart,
            Some(Blocks { block, .. }) if block >= RUN => Self::Blocks(block),
            Some(Blocks { block, .. }) => Self::Turns(block),
        }
    }

    /// Results that are computed together, at most: whole turns.
    const fn at_most(self, count: usize) -> usize {
        match self {
            Self::Turns(turn) => count / turn * turn,
            Self::Apart | Self::Blocks(_) => count,
        }
    }

    /// A tensor like y in pieces that threads take.
    fn pieces<'a>(self, y: SliceMut<'a>) -> Vec<SliceMut<'a>> {
        match self {
            Self::Blocks(block) => {
                let blocks = y.chunks(block).into_iter();
                blocks.flat_map(|block| block.chunks(TASK)).collect()
            }
            Self::Apart | Self::Turns(_) => y.chunks(self.at_most(TASK)),
        }
    }

    /// The inputs of `length` results from `first` on.
    fn inputs<'a>(self, x: &[Slice<'a>], first: usize, length: usize) -> Both<Slice<'a>> {
        let run = |x: Slice<'a>, first: usize| x.part(first..first + length);
        match self {
            Self::Apart => Both::Runs([run(x[0], first), run(x[1], first)]),
            Self::Blocks(block) => {
                let start = first + first / block * block;
                Both::Runs([run(x[0], start), run(x[0], start + block)])
            }
            Self::Turns(turn) => Both::Turns(x[0].part(2 * first..2 * (first + length)), turn),
        }
    }

    /// The gradients of the inputs, piece by piece as [`Lie::pieces`].
    fn gradients<'a>(self, dx: Vec<SliceMut<'a>>) -> Vec<Both<SliceMut<'a>>> {
        let mut dx = dx.into_iter();
        match (self, dx.next(), dx.next()) {
            (Self::Apart, Some(gate), Some(up)) => {
                let pieces = self.pieces(gate).into_iter().zip(self.pieces(up));
                pieces.map(|(gate, up)| Both::Runs([gate, up])).collect()
            }
            (Self::Blocks(block), Some(dx), _) => {
                let mut blocks = dx.chunks(block).into_iter();
                let mut pieces = Vec::new();
                while let (Some(first), Some(second)) = (blocks.next(), blocks.next()) {
                    let pairs = first.chunks(TASK).into_iter().zip(second.chunks(TASK));
                    pieces.extend(pairs.map(|(first, second)| Both::Runs([first, second])));
                }
                pieces
            }
            (Self::Turns(turn), Some(dx), _) => {
                let pieces = dx.chunks(2 * self.at_most(TASK)).into_iter();
                pieces.map(|dx| Both::Turns(dx, turn)).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Gated {
    fn work(&self, parameters: bool) -> Work {
        let definition = self.f.definition();
        let loops = match self.unit {
            Unit::Glu => Loops::of::<Glu>(),
            Unit::Geglu => Loops::of::<Geglu>(),
            Unit::GegluTanh => Loops::of::<GegluTanh>(),
            Unit::Swiglu => Loops::of::<Swiglu>(),
            Unit::SwigluClamped => Loops::of::<SwigluClamped>(),
            Unit::Reglu | Unit::Any => Loops::of::<Product>(),
        };
        let mut numbers = [0.0; MOST];
        let own = self.f.parameters();
        numbers[..own.len()].copy_from_slice(own);
        let terms = 0..if parameters { own.len() } else { 0 };
        Work {
            loops,
            rounded: matches!(self.unit, Unit::Reglu | Unit::Any),
            clamps: self.unit.clamps(),
            gate_last: self.gate_last && self.axis().is_some(),
            value: Part::Value.of(definition),
            backward: Part::Backward.of(definition),
            terms: terms
                .map(|index| Part::Gradient(index).of(definition))
                .collect(),
            numbers,
            limit: self.limit,
        }
    }

    fn lie(&self, shape: &[usize], inputs: usize) -> Result<Lie> {
        if inputs != self.inputs() {
            return Err(self.inputs_error(inputs));
        }
        Ok(Lie::of(self.blocks(shape)?.map(|(_, blocks)| blocks)))
    }

    pub(super) fn compute(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<()> {
        let lie = self.lie(shape, x.len())?;
        if y.is_empty() {
            return Ok(());
        }
        let work = self.work(false);
        each_piece(
            numbered(lie.pieces(y), SliceMut::len),
            |(first, mut y), rooms| {
                let inputs = lie.inputs(x, first, y.len());
                for range in ranges(y.len(), lie.at_most(BLOCK)) {
                    let given = work.given(inputs.widened(range.clone(), &mut rooms.inputs));
                    let [room, ..] = &mut rooms.outputs;
                    y.part(range)
                        .fill_with(room, |y| work.product(given, &mut rooms.of_f, y));
                }
            },
        );
        Ok(())
    }

    pub(super) fn compute_gradients(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Slice<'_>,
        dx: Vec<SliceMut<'_>>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let lie = self.lie(shape, x.len())?;
        if dx.len() != x.len() {
            return Err(self.inputs_error(dx.len()));
        }
        let work = self.work(parameters);
        let mut sums = vec![0.0; work.terms.len()];
        if !upstream.is_empty() {
            let found = each_piece(
                numbered(lie.gradients(dx), Both::len),
                |(first, mut dx), rooms| {
                    let inputs = lie.inputs(x, first, dx.len());
                    let upstream = upstream.part(first..first + dx.len());
                    let mut sums = vec![vec![0.0; BLOCK.min(dx.len())]; work.terms.len()];
                    for range in ranges(dx.len(), lie.at_most(BLOCK)) {
                        work.gradients(&inputs, upstream, &mut dx, range, rooms, &mut sums);
                    }
                    let sums = sums.iter().map(|sums| sums.iter().sum());
                    sums.collect::<Vec<f64>>()
                },
            );
            // In the order of the pieces.
            for found in found {
                sums.iter_mut()
                    .zip(found)
                    .for_each(|(sum, part)| *sum += part);
            }
        }
        Ok(sums.into_iter().map(|sum| vec![sum as f32]).collect())
    }
}

impl Work {
    /// What lies first and second as gate and up, and the other way round.
    fn ordered<T>(&self, [first, second]: [T; 2]) -> [T; 2] {
        match self.gate_last {
            true => [second, first],
            false => [first, second],
        }
    }

    fn given<'a>(&self, both: [&'a [f32]; 2]) -> Given<'a> {
        let [gate, up] = self.ordered(both);
        Given {
            gate,
            up,
            upstream: gate,
            of_f: gate,
            a: self.numbers[0],
            limit: self.limit,
        }
    }

    /// A loop of f.
    fn f(&self, function: &Function, x: &[f32], upstream: &[f32], room: &mut Vec<f32>) {
        room.resize(x.len(), 0.0);
        let parameters = Parameters::One(self.numbers);
        let given = kernel::Given {
            x,
            upstream,
            parameters,
        };
        function(given, room);
    }

    fn product<'a>(&self, mut given: Given<'a>, room: &'a mut Vec<f32>, y: &mut [f32]) {
        if self.rounded {
            self.f(&*self.value, given.gate, given.gate, room);
            given.of_f = room;
        }
        (self.loops.product)(given, y);
    }

    /// The gradients of some results of a piece, and the terms of those of f's parameters.
    fn gradients(
        &self,
        inputs: &Both<Slice<'_>>,
        upstream: Slice<'_>,
        dx: &mut Both<SliceMut<'_>>,
        range: Range<usize>,
        rooms: &mut Rooms,
        sums: &mut [Vec<f64>],
    ) {
        let given = self.given(inputs.widened(range.clone(), &mut rooms.inputs));
        let upstream = upstream.part(range.clone()).widened(&mut rooms.upstream);
        let given = Given { upstream, ..given };
        let mut x = given.gate;
        if self.clamps {
            rooms.gate.resize(range.len(), 0.0);
            (self.loops.gate)(given, &mut rooms.gate);
            x = &rooms.gate;
        }
        rooms.factor.resize(range.len(), 0.0);
        (self.loops.factor)(given, &mut rooms.factor);
        let of_f = &mut rooms.of_f;
        for (term, sums) in self.terms.iter().zip(sums) {
            self.f(&**term, x, &rooms.factor, of_f);
            rooms.term.resize(range.len(), 0.0);
            (self.loops.term)(Given { of_f, ..given }, &mut rooms.term);
            add(sums, &rooms.term);
        }
        dx.fill(range, &mut rooms.outputs, |both| {
            let [gate, up] = self.ordered(both);
            self.f(&*self.backward, x, &rooms.factor, of_f);
            (self.loops.gate_gradient)(Given { of_f, ..given }, gate);
            if self.rounded {
                self.f(&*self.value, x, x, of_f);
            }
            (self.loops.up_gradient)(Given { of_f, ..given }, up);
        });
    }
}

/// Pieces, each with the place of its first result.
fn numbered<T>(pieces: Vec<T>, length: impl Fn(&T) -> usize) -> Vec<(usize, T)> {
    let mut next = 0;
    let number = |piece| {
        let first = next;
        next += length(&piece);
        (first, piece)
    };
    pieces.into_iter().map(number).collect()
}

/// What `work` makes of each piece, in their order, on all threads where there are several.
fn each_piece<T: Send, R: Send>(
    mut pieces: Vec<(usize, T)>,
    work: impl Fn((usize, T), &mut Rooms) -> R + Sync,
) -> Vec<R> {
    if pieces.len() == 1 {
        let piece = pieces.pop();
        return piece
            .map(|piece| work(piece, &mut Rooms::default()))
            .into_iter()
            .collect();
    }
    let pieces = pieces.into_par_iter();
    pieces
        .map_init(Rooms::default, |rooms, piece| work(piece, rooms))
        .collect()
}

/// The results of a piece, at most `most` at a time.
fn ranges(length: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length)
        .step_by(most)
        .map(move |start| start..length.min(start + most))
}

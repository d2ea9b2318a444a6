//! A device of the test's own: runs naga's IR of straight-line functions, and rounds as WGSL lets devices round.

use std::rc::Rc;

use naga::{
    BinaryOperator, Expression, Function, Handle, Literal, MathFunction, Module, ScalarKind,
    Statement, UnaryOperator,
};
use wgpu_activations::{ElementType, accuracy::ulp};

/// What is done wherever there is a choice: one thing, the other, or either by a hash of the operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Choice {
    /// As IEEE and the text have it.
    Plain,
    /// Quotients as far up as 2.5 ULP allow; sums of three from the right.
    Up,
    /// As far down; sums of three with the outer terms first.
    Down,
    /// Each of these here and there.
    Hash,
}

impl Choice {
    fn at(self, a: f32, b: f32) -> Self {
        let hash =
            (a.to_bits().wrapping_mul(2_654_435_761) ^ b.to_bits()).wrapping_mul(2_246_822_519);
        match self {
            Self::Hash => [Self::Plain, Self::Up, Self::Down][(hash >> 16) as usize % 3],
            choice => choice,
        }
    }
}

/// How the device rounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Device {
    pub(super) quotient: Choice,
    /// Products that meet a sum: none is contracted, or all, or some.
    pub(super) fused: Choice,
    /// Order of sums of three, where the inner sum is inexact.
    pub(super) order: Choice,
    /// Whether equal factors and constants are multiplied by each other first, as NVIDIA's driver 580 does.
    pub(super) regrouped: bool,
    /// Whether subnormal operands and results become 0.
    pub(super) flush: bool,
}

pub(super) const FAITHFUL: Device = Device {
    quotient: Choice::Plain,
    fused: Choice::Plain,
    order: Choice::Plain,
    regrouped: false,
    flush: false,
};

type Lanes = Rc<Vec<f32>>;

/// What compilers can see behind a number, also across functions. Bits hide it.
#[derive(Clone)]
pub(super) enum Origin {
    Unknown,
    Product(Lanes, Lanes),
    Sum(Lanes, Lanes),
}

#[derive(Clone)]
pub(super) enum Value {
    Real(Lanes, Origin),
    Bits(Rc<Vec<u32>>),
    Bool(Rc<Vec<bool>>),
    Struct(Vec<Value>),
}

impl Value {
    pub(super) fn real(lanes: Vec<f32>) -> Self {
        Self::Real(Rc::new(lanes), Origin::Unknown)
    }

    pub(super) fn lanes(&self) -> &[f32] {
        match self {
            Self::Real(lanes, _) => lanes,
            _ => panic!("not a real"),
        }
    }

    fn bits(&self) -> &[u32] {
        match self {
            Self::Bits(bits) => bits,
            _ => panic!("not bits"),
        }
    }

    fn truths(&self) -> &[bool] {
        match self {
            Self::Bool(truths) => truths,
            _ => panic!("not a bool"),
        }
    }
}

fn zip<A: Copy, B: Copy, C>(a: &[A], b: &[B], f: impl Fn(A, B) -> C) -> Rc<Vec<C>> {
    Rc::new(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect())
}

/// A call under way, over so many lanes.
pub(super) struct Call<'a> {
    pub(super) module: &'a Module,
    pub(super) device: Device,
    pub(super) width: usize,
}

impl Call<'_> {
    /// The result of the function of that name.
    pub(super) fn named(&self, name: &str, arguments: &[Value]) -> Value {
        let mut functions = self.module.functions.iter();
        let found = functions.find(|(_, function)| function.name.as_deref() == Some(name));
        self.function(found.expect("the function").1, arguments)
    }

    fn function(&self, function: &Function, arguments: &[Value]) -> Value {
        let mut values: Vec<Option<Value>> = vec![None; function.expressions.len()];
        let result = self.block(&function.body, function, arguments, &mut values);
        result.expect("a result")
    }

    fn block(
        &self,
        block: &naga::Block,
        function: &Function,
        arguments: &[Value],
        values: &mut Vec<Option<Value>>,
    ) -> Option<Value> {
        for statement in block {
            match statement {
                Statement::Emit(range) => range.clone().for_each(|handle| {
                    self.known(handle, function, arguments, values);
                }),
                Statement::Call {
                    function: callee,
                    arguments: given,
                    result,
                } => {
                    let given: Vec<_> = given
                        .iter()
                        .map(|&handle| self.known(handle, function, arguments, values))
                        .collect();
                    let value = self.function(&self.module.functions[*callee], &given);
                    values[result.expect("a result").index()] = Some(value);
                }
                Statement::Return { value } => {
                    let value = value.expect("a value");
                    return Some(self.known(value, function, arguments, values));
                }
                Statement::Block(inner) => {
                    if let Some(value) = self.block(inner, function, arguments, values) {
                        return Some(value);
                    }
                }
                other => panic!("{other:?} is not straight-line code"),
            }
        }
        None
    }

    fn known(
        &self,
        handle: Handle<Expression>,
        function: &Function,
        arguments: &[Value],
        values: &mut Vec<Option<Value>>,
    ) -> Value {
        if let Some(value) = &values[handle.index()] {
            return value.clone();
        }
        let expression = &function.expressions[handle];
        let value = if let Expression::FunctionArgument(index) = expression {
            arguments[*index as usize].clone()
        } else {
            let mut of = |handle| self.known(handle, function, arguments, values);
            self.expression(expression, &mut of)
        };
        values[handle.index()] = Some(value.clone());
        value
    }

    fn constant(&self, handle: Handle<Expression>) -> Value {
        let expression = &self.module.global_expressions[handle];
        self.expression(expression, &mut |handle| self.constant(handle))
    }

    fn expression(
        &self,
        expression: &Expression,
        of: &mut dyn FnMut(Handle<Expression>) -> Value,
    ) -> Value {
        match *expression {
            Expression::Literal(Literal::F32(x)) => Value::real(vec![x; self.width]),
            Expression::Literal(Literal::U32(x)) => Value::Bits(Rc::new(vec![x; self.width])),
            Expression::Literal(Literal::Bool(x)) => Value::Bool(Rc::new(vec![x; self.width])),
            Expression::Constant(handle) => self.constant(self.module.constants[handle].init),
            Expression::Compose { ref components, .. } => {
                Value::Struct(components.iter().map(|&component| of(component)).collect())
            }
            Expression::AccessIndex { base, index } => match of(base) {
                Value::Struct(members) => members[index as usize].clone(),
                _ => panic!("not a struct"),
            },
            Expression::Select {
                condition,
                accept,
                reject,
            } => self.select(&of(condition), &of(accept), &of(reject)),
            Expression::Unary { op, expr } => self.unary(op, &of(expr)),
            Expression::Binary { op, left, right } => self.binary(op, &of(left), &of(right)),
            Expression::As {
                expr,
                kind,
                convert,
            } => cast(&of(expr), kind, convert.is_some()),
            Expression::Math {
                fun,
                arg,
                arg1,
                arg2,
                ..
            } => math(fun, &of(arg), arg1.map(&mut *of), arg2.map(of)),
            ref other => panic!("{other:?} is not simulated"),
        }
    }

    fn select(&self, condition: &Value, accept: &Value, reject: &Value) -> Value {
        let truths = condition.truths();
        match (accept, reject) {
            (Value::Real(accept, _), Value::Real(reject, _)) => Value::real(
                (0..self.width)
                    .map(|lane| {
                        if truths[lane] {
                            accept[lane]
                        } else {
                            reject[lane]
                        }
                    })
                    .collect(),
            ),
            (Value::Bits(accept), Value::Bits(reject)) => Value::Bits(Rc::new(
                (0..self.width)
                    .map(|lane| {
                        if truths[lane] {
                            accept[lane]
                        } else {
                            reject[lane]
                        }
                    })
                    .collect(),
            )),
            _ => panic!("a select of other types"),
        }
    }

    fn unary(&self, op: UnaryOperator, value: &Value) -> Value {
        match (op, value) {
            (UnaryOperator::Negate, Value::Real(lanes, origin)) => {
                let negated = |lanes: &Lanes| Rc::new(lanes.iter().map(|x| -x).collect::<Vec<_>>());
                let origin = match origin {
                    Origin::Unknown => Origin::Unknown,
                    Origin::Product(a, b) => Origin::Product(negated(a), b.clone()),
                    Origin::Sum(a, b) => Origin::Sum(negated(a), negated(b)),
                };
                Value::Real(negated(lanes), origin)
            }
            (UnaryOperator::LogicalNot, Value::Bool(truths)) => {
                Value::Bool(Rc::new(truths.iter().map(|truth| !truth).collect()))
            }
            _ => panic!("{op:?} is not simulated"),
        }
    }

    fn binary(&self, op: BinaryOperator, left: &Value, right: &Value) -> Value {
        match (left, right) {
            (Value::Real(a, _), Value::Real(b, _)) => match op {
                BinaryOperator::Add => self.sum(left, right),
                BinaryOperator::Subtract => {
                    self.sum(left, &self.unary(UnaryOperator::Negate, right))
                }
                BinaryOperator::Multiply => {
                    let product = self
                        .regrouped(left, right)
                        .unwrap_or_else(|| self.product(a, b));
                    Value::Real(product, Origin::Product(a.clone(), b.clone()))
                }
                BinaryOperator::Divide => {
                    Value::Real(zip(a, b, |a, b| self.quotient(a, b)), Origin::Unknown)
                }
                _ => {
                    let compared =
                        zip(a, b, |a, b| compare(op, &self.flushed(a), &self.flushed(b)));
                    Value::Bool(compared)
                }
            },
            (Value::Bits(a), Value::Bits(b)) => {
                let f: fn(u32, u32) -> u32 = match op {
                    BinaryOperator::Add => u32::wrapping_add,
                    BinaryOperator::Subtract => u32::wrapping_sub,
                    BinaryOperator::Multiply => u32::wrapping_mul,
                    BinaryOperator::And => |a, b| a & b,
                    BinaryOperator::InclusiveOr => |a, b| a | b,
                    BinaryOperator::ExclusiveOr => |a, b| a ^ b,
                    BinaryOperator::ShiftRight => |a, b| a >> b,
                    BinaryOperator::ShiftLeft => |a, b| a << b,
                    _ => return Value::Bool(zip(a, b, |a, b| compare(op, &a, &b))),
                };
                Value::Bits(zip(a, b, f))
            }
            (Value::Bool(a), Value::Bool(b)) => Value::Bool(zip(a, b, |a, b| match op {
                BinaryOperator::And | BinaryOperator::LogicalAnd => a & b,
                BinaryOperator::InclusiveOr | BinaryOperator::LogicalOr => a | b,
                _ => compare(op, &a, &b),
            })),
            _ => panic!("{op:?} of different types"),
        }
    }

    fn product(&self, a: &[f32], b: &[f32]) -> Lanes {
        zip(a, b, |a, b| self.flushed(self.flushed(a) * self.flushed(b)))
    }

    /// A product of products, if it has equal factors or several constants and the device looks for them.
    fn regrouped(&self, left: &Value, right: &Value) -> Option<Lanes> {
        if !self.device.regrouped {
            return None;
        }
        let is_constant = |lanes: &Lanes| lanes.iter().all(|x| x.to_bits() == lanes[0].to_bits());
        let together = |a: &Lanes, b: &Lanes| Rc::ptr_eq(a, b) || is_constant(a) && is_constant(b);
        let factors = |value: &Value| match value {
            Value::Real(whole, Origin::Product(a, b)) => vec![
                vec![a.clone(), b.clone()],
                vec![b.clone(), a.clone()],
                vec![whole.clone()],
            ],
            Value::Real(whole, _) => vec![vec![whole.clone()]],
            _ => panic!("not a real"),
        };
        let (left, right) = (factors(left), factors(right));
        let mut pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        let (a, b) = pairs.find(|(a, b)| a.len() + b.len() > 2 && together(&a[0], &b[0]))?;
        let others = a[1..].iter().chain(&b[1..]).cloned();
        let others = others.reduce(|a, b| self.product(&a, &b))?;
        Some(self.product(&others, &self.product(&a[0], &b[0])))
    }

    fn flushed(&self, x: f32) -> f32 {
        if self.device.flush && x.is_subnormal() {
            0.0 * x
        } else {
            x
        }
    }

    fn quotient(&self, a: f32, b: f32) -> f32 {
        let (a, b) = (self.flushed(a), self.flushed(b));
        let q = self.flushed(a / b);
        // Of these nothing is asked, and NVIDIA's are 0.
        if b.abs() > f32::powi(2.0, 126) && self.device.quotient != Choice::Plain {
            return 0.0 * q;
        }
        // The bound is for these; a step from the largest or the smallest would leave the normal ones.
        if !(1e-37..1e38).contains(&q.abs()) {
            return q;
        }
        let exact = f64::from(a) / f64::from(b);
        // At a power of two the unit is that of the smaller neighbours.
        let leave = 2.5 * ulp(exact.abs().next_down(), ElementType::F32);
        let furthest = |step: fn(f32) -> f32| {
            let mut q = q;
            while (f64::from(step(q)) - exact).abs() <= leave {
                q = step(q);
            }
            q
        };
        match self.device.quotient.at(a, b) {
            Choice::Up => furthest(f32::next_up),
            Choice::Down => furthest(f32::next_down),
            Choice::Plain | Choice::Hash => q,
        }
    }

    fn sum(&self, left: &Value, right: &Value) -> Value {
        let (Value::Real(a, of_a), Value::Real(b, of_b)) = (left, right) else {
            panic!("not reals");
        };
        let add = |a: f32, b: f32| self.flushed(self.flushed(a) + self.flushed(b));
        let mut sums = zip(a, b, add);
        let written = Rc::make_mut(&mut sums);
        let (product, other) = match (of_a, of_b) {
            (_, Origin::Product(..)) => (of_b, a),
            _ => (of_a, b),
        };
        for lane in 0..self.width {
            let (x, y) = (a[lane], b[lane]);
            if let Origin::Product(c, d) = product
                && self.device.fused.at(x, y) != Choice::Plain
            {
                let [c, d, e] = [c[lane], d[lane], other[lane]].map(|x| self.flushed(x));
                written[lane] = self.flushed(c.mul_add(d, e));
                continue;
            }
            for (origin, inner, outer) in [(of_a, x, y), (of_b, y, x)] {
                let Origin::Sum(c, d) = origin else { continue };
                let (c, d) = (c[lane], d[lane]);
                if f64::from(c) + f64::from(d) == f64::from(inner) {
                    continue;
                }
                match self.device.order.at(c, d) {
                    Choice::Up => written[lane] = add(c, add(d, outer)),
                    Choice::Down => written[lane] = add(add(c, outer), d),
                    Choice::Plain | Choice::Hash => continue,
                }
                break;
            }
        }
        Value::Real(sums, Origin::Sum(a.clone(), b.clone()))
    }
}

fn compare<T: PartialOrd>(op: BinaryOperator, a: &T, b: &T) -> bool {
    match op {
        BinaryOperator::Equal => a == b,
        BinaryOperator::NotEqual => a != b,
        BinaryOperator::Less => a < b,
        BinaryOperator::LessEqual => a <= b,
        BinaryOperator::Greater => a > b,
        BinaryOperator::GreaterEqual => a >= b,
        _ => panic!("{op:?} is not simulated"),
    }
}

fn cast(value: &Value, kind: ScalarKind, convert: bool) -> Value {
    match (value, kind, convert) {
        (Value::Real(lanes, _), ScalarKind::Uint, false) => {
            Value::Bits(Rc::new(lanes.iter().map(|x| x.to_bits()).collect()))
        }
        (Value::Bits(bits), ScalarKind::Float, false) => {
            Value::real(bits.iter().map(|&bits| f32::from_bits(bits)).collect())
        }
        (Value::Bits(bits), ScalarKind::Float, true) => {
            Value::real(bits.iter().map(|&bits| bits as f32).collect())
        }
        (Value::Real(..), ScalarKind::Float, _)
        | (Value::Bits(_), ScalarKind::Uint, _)
        | (Value::Bool(_), ScalarKind::Bool, _) => value.clone(),
        _ => panic!("a cast to {kind:?} is not simulated"),
    }
}

fn math(function: MathFunction, a: &Value, b: Option<Value>, c: Option<Value>) -> Value {
    let b = b.as_ref();
    match function {
        MathFunction::Abs => Value::real(a.lanes().iter().map(|x| x.abs()).collect()),
        MathFunction::Round => Value::real(a.lanes().iter().map(|x| x.round_ties_even()).collect()),
        MathFunction::Min | MathFunction::Max => {
            let b = b.expect("two arguments");
            let least = function == MathFunction::Min;
            if let Value::Bits(bits) = a {
                let f = if least { Ord::min } else { Ord::max };
                return Value::Bits(zip(bits, b.bits(), f));
            }
            let f = if least { f32::min } else { f32::max };
            Value::Real(zip(a.lanes(), b.lanes(), f), Origin::Unknown)
        }
        MathFunction::Clamp => {
            let (low, high) = (b.expect("three arguments"), c.expect("three arguments"));
            let raised = zip(a.lanes(), low.lanes(), f32::max);
            Value::Real(zip(&raised, high.lanes(), f32::min), Origin::Unknown)
        }
        // As 1 over an inverse root, each with an error of two units.
        MathFunction::Sqrt => Value::real(
            a.lanes()
                .iter()
                .map(|x| f32::from_bits(x.sqrt().to_bits() + if *x > 0.0 { 3 } else { 0 }))
                .collect(),
        ),
        _ => panic!("{function:?} is not simulated"),
    }
}

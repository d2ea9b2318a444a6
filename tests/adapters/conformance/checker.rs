//! The checker itself: what is right passes, and each way to be wrong fails.

use libtest_mimic::{Failed, Trial};
use wgpu_activations::{
    Activation, Chain, Cpu, ElementType, Error, Family,
    accuracy::Report,
    activation::Definition,
    check::{Share, Verifier, check_chain, reference},
    family::{everyday, families, find},
    offload::{Chunk, HostGradient, Observer, Received, Task},
};

use super::{narrow, written};
use crate::common::Device;

const SHAPE: [usize; 2] = [40, 12];

pub(super) fn trials() -> Vec<Trial> {
    let names = families().map(|family| family.entry().name);
    let mut trials: Vec<_> = names
        .map(|name| Trial::test(format!("checker/{name}"), move || strict(find(name)?)))
        .collect();
    trials.push(Trial::test("checker/several-axes", || {
        strictly("softmax(axis=0) | swish(beta=0.5) | softmax(axis=1)".parse()?)
    }));
    trials.push(Trial::test(
        "checker/sums-of-what-is-off",
        sums_of_what_is_off,
    ));
    trials
}

/// What the last operation's gradients may be off by counts in Dice's sums of them over the batch, too: log-sigmoid's
/// are small beside their argument's error where y is large.
fn sums_of_what_is_off() -> Result<(), Failed> {
    let chain: Chain = "dice(axis=1,alpha=-0.7180068) | log-sigmoid".parse()?;
    let x = vec![
        16652.488, 5255.5615, 4053.2056, 8722.059, -1861.9486, -3522.848, 2558.1992,
    ];
    let upstream = vec![608836.0; x.len()];
    let shape = [x.len(), 1];
    let report = check_chain(&Cpu::new(), &chain, &shape, vec![x], Some(upstream))?;
    assert!(report.passed(), "{report}");
    Ok(())
}

fn strict(family: &dyn Family) -> Result<(), Failed> {
    for axis in [0, 1] {
        for operation in written::operations(family, &SHAPE, axis, 1) {
            strictly(operation.into())?;
        }
    }
    Ok(())
}

/// What a device may give.
#[derive(Clone)]
struct Answer {
    /// Of a backward pass the gradients of all inputs, one behind the other.
    output: Vec<f32>,
    gradients: Vec<HostGradient>,
}

/// A pass that is to be judged.
struct Question<'a> {
    chain: &'a Chain,
    x: &'a [Vec<f32>],
    upstream: Option<&'a [f32]>,
}

impl Question<'_> {
    fn inputs(&self) -> Vec<&[f32]> {
        let x = self.x.iter().map(Vec::as_slice);
        x.chain(self.upstream).collect()
    }

    /// What the reference says, rounded.
    fn answer(&self) -> Result<Answer, Error> {
        let wide = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| f64::from(x)).collect() };
        let upstream = self.upstream.map(wide);
        let x: Vec<_> = self.x.iter().map(|x| wide(x)).collect();
        let x: Vec<&[f64]> = x.iter().map(Vec::as_slice).collect();
        let right = reference(self.chain, &SHAPE, &x, upstream.as_deref())?;
        let layout = self.chain.layout(&SHAPE)?;
        let mut gradients = Vec::new();
        for (step, (named, sums)) in layout.gradients.iter().zip(&right.sums).enumerate() {
            for (gradient, sums) in named.iter().zip(sums) {
                gradients.push(HostGradient {
                    step,
                    name: gradient.name,
                    shape: gradient.shape.clone(),
                    values: sums.iter().map(|sum| sum.value as f32).collect(),
                });
            }
        }
        let values = right.values.iter().flatten();
        let output = values.map(|bound| bound.expected as f32);
        Ok(Answer {
            output: output.collect(),
            gradients,
        })
    }

    fn judge(&self, answer: &Answer) -> Result<Report, Error> {
        self.judge_given(&self.inputs(), answer)
    }

    /// The same, the checker being shown these inputs.
    fn judge_given(&self, inputs: &[&[f32]], answer: &Answer) -> Result<Report, Error> {
        let backward = self.upstream.is_some();
        let layout = self.chain.layout(&SHAPE)?;
        let chunk = Chunk::whole(layout.view);
        let surveyed = layout.whole.is_none();
        let mut verifier = Verifier::new(self.chain, layout, ElementType::F32, Share::All);
        if backward {
            verifier = verifier.of_gradients(true);
        }
        let inputs = inputs.iter();
        let bytes: Vec<&[u8]> = inputs.map(|input| bytemuck::cast_slice(input)).collect();
        // A wrong answer is in the report; the error says the same.
        let show = |task: Task, output: &[f32]| {
            let outputs = if backward { self.x.len() } else { 1 };
            let (first, last) = output.split_at(output.len().div_ceil(outputs));
            let outputs: Vec<&[u8]> = [first, last][..outputs]
                .iter()
                .map(|output| bytemuck::cast_slice(output))
                .collect();
            let count = bytes.len() - usize::from(backward && !task.needs_upstream(backward));
            let received = Received {
                inputs: &bytes[..count],
                outputs: &outputs,
                beside: Vec::new(),
                indices: None,
            };
            verifier.observe(task, &chunk, &received).ok();
        };
        for upstream in [false, true] {
            for (step, operation) in self.chain.steps().iter().enumerate() {
                let surveys = operation.surveys(true).into_iter().enumerate();
                let wanted = |needs: bool| surveyed && needs == upstream && (backward || !needs);
                for (index, survey) in surveys.filter(|(_, survey)| wanted(survey.needs_upstream)) {
                    let needs_upstream = survey.needs_upstream;
                    show(
                        Task::Survey {
                            step,
                            index,
                            needs_upstream,
                        },
                        &[],
                    );
                }
            }
        }
        show(Task::Result, &answer.output);
        Ok(verifier.report(&[], &answer.gradients))
    }
}

/// A corrupted element, NaN, zeros, another order, too few or too many, nothing, swapped arguments, and no gradients:
/// all of it fails.
fn strictly(chain: Chain) -> Result<(), Failed> {
    let len = |shape: &[usize]| shape.iter().product::<usize>();
    let x: Vec<Vec<f32>> = (0..chain.inputs())
        .map(|input| narrow(&everyday(len(&SHAPE), [1, 20][input])))
        .collect();
    let g: Vec<f32> = narrow(&everyday(len(&chain.result_shape(&SHAPE)?), 2));
    for upstream in [None, Some(&g[..])] {
        let question = Question {
            chain: &chain,
            x: &x,
            upstream,
        };
        let right = question.answer()?;
        let report = question.judge(&right)?;
        assert!(report.passed(), "{chain}: {report}");
        let beside: usize = right.gradients.iter().map(|found| found.values.len()).sum();
        let beside = if upstream.is_some() { beside } else { 0 };
        assert_eq!(
            report.compared,
            (right.output.len() + beside) as u64,
            "{chain}"
        );

        let with = |output: Vec<f32>| Answer {
            output,
            ..right.clone()
        };
        let expect_wrong = |what: &str, answer: &Answer| -> Result<Report, Failed> {
            let report = question.judge(answer)?;
            assert!(!report.passed(), "{chain}: {what}");
            Ok(report)
        };
        let output = &right.output;
        for place in [0, output.len() / 2, output.len() - 1] {
            let value = output[place];
            for wrong in [value * 1.001 + 1e-3, f32::NAN, f32::INFINITY, -value - 1.0] {
                let mut corrupted = output.clone();
                corrupted[place] = wrong;
                let what = format!("{wrong} for {value} at {place}");
                let report = expect_wrong(&what, &with(corrupted))?;
                assert_eq!(report.failed, 1, "{chain}: {wrong} at {place}: {report}");
                let of_input =
                    place % (output.len() / if upstream.is_some() { x.len() } else { 1 });
                assert_eq!(
                    report.worst.map(|worst| worst.index),
                    Some(of_input),
                    "{chain}"
                );
            }
        }
        // Gradients of what jumps are 0, in any order and of anything.
        let something = output.iter().any(|value| *value != 0.0);
        if something {
            expect_wrong("zeros", &with(vec![0.0; output.len()]))?;
            expect_wrong(
                "another order",
                &with(output.iter().rev().copied().collect()),
            )?;
        }
        expect_wrong("too few", &with(output[1..].to_vec()))?;
        expect_wrong("too many", &with([&output[..], &[0.0]].concat()))?;
        expect_wrong("nothing", &with(Vec::new()))?;
        let Some(g) = upstream else {
            continue;
        };
        if something && g.len() == x[0].len() {
            let mut swapped = question.inputs();
            swapped.rotate_right(1);
            let report = question.judge_given(&swapped, &right)?;
            assert!(!report.passed(), "{chain}: swapped arguments");
        }
        for (index, gradient) in right.gradients.iter().enumerate() {
            let values = &gradient.values;
            let off = |value: &f32| value * 1.001 + 1e-3f32.copysign(*value);
            for (what, wrong) in [
                ("zeros", vec![0.0; values.len()]),
                ("NaN", vec![f32::NAN; values.len()]),
                ("too few", values[1..].to_vec()),
                ("off", values.iter().map(off).collect()),
            ] {
                // A parameter that moves a jump has a gradient of 0.
                if wrong == *values {
                    continue;
                }
                let mut answer = right.clone();
                answer.gradients[index].values = wrong;
                expect_wrong(&format!("gradient of {}: {what}", gradient.name), &answer)?;
            }
            let mut answer = right.clone();
            answer.gradients.remove(index);
            expect_wrong("a gradient is missing", &answer)?;
        }
    }
    Ok(())
}

/// Writes nothing but zeros.
static ZEROS: Definition = Definition::new(
    "zeros",
    "fn value(x: Real) -> Real { return 0.0 * x; }
     fn backward(x: Real, upstream: Real) -> Real { return 0.0 * x; }",
    |x, _| 1.0 + x,
    |_, _| 1.0,
);

/// A shader that writes zeros fails on the device.
pub(super) fn zeros(device: &Device) -> Result<(), Failed> {
    let chain = Chain::from(Activation::new(&ZEROS));
    let x: Vec<f32> = narrow(&everyday(345, 1));
    for upstream in [None, Some(x.clone())] {
        let report = check_chain(&device.gpu, &chain, &[x.len()], vec![x.clone()], upstream)?;
        assert_eq!((report.failed, report.compared), (345, 345), "{report}");
    }
    Ok(())
}

//! Dice as an operation.

use std::fmt;

use super::{
    Function, NAME, PerChannel, Statistics, bound,
    launch::{Launcher, Source},
    reference::{Channel, Through},
};
use crate::{
    accuracy::bound::Bound,
    cpu::{Slice, SliceMut},
    error::{Error, Result, number},
    family::{
        Extra, Gradient, Keep, Operation, Part, Saved, Sheet, Sum, Survey, Surveyed, Table, add,
    },
    kernel::{
        launch::Pass,
        moments::{TensorMoments, WORDS, in_two, m2_of_word, m2_word, record_moments},
        recorder::Recorder,
    },
    moments::{Moments, merge_channel},
    tensor::{Tensor, axis_of},
    wgsl::Math,
};

/// Count, mean, M2 of each channel, and what is to be added to the mean.
const MOMENTS: Survey = Survey {
    of: Surveyed::Channels,
    words: WORDS,
    empty: &[0.0; WORDS],
    merge: merge_moments,
    needs_upstream: false,
};

/// What gradients need of each channel: sums of k, of k z and of alpha's terms. The reference alone has a fourth
/// number, the largest upstream gradient, by which it measures errors.
pub(super) const SUMS: Survey = Survey {
    of: Surveyed::Channels,
    words: 4,
    empty: &[0.0; 4],
    merge: merge_sums,
    needs_upstream: true,
};

/// The places of the surveys.
const OF_MOMENTS: usize = 0;
const OF_SUMS: usize = 1;

/// What training gives beside its result.
const EXTRAS: [&str; 4] = ["mean", "variance", "running-mean", "running-variance"];

fn merge_moments(all: &mut [f64], part: &[f64]) {
    if part[0] != 0.0 {
        let channel = |words: &[f64]| (words[0], (mean_of(words), m2_of_word(words[2])));
        let (mean, m2) = merge_channel(channel(all), channel(part));
        let [mean, rest] = in_two(mean);
        all.copy_from_slice(&[all[0] + part[0], mean, m2, rest]);
    }
}

/// The mean among the words of a channel.
pub(super) fn mean_of(words: &[f64]) -> f64 {
    words[1] + words[3]
}

fn merge_sums(all: &mut [f64], part: &[f64]) {
    let steepest = all[3].max(part[3]);
    add(all, part);
    all[3] = steepest;
}

impl Keep for TensorMoments {
    fn tensors(&self) -> Vec<Tensor> {
        vec![self.words.clone()]
    }
}

impl Operation for Function {
    fn name(&self) -> &str {
        NAME
    }

    fn output_shape(&self, shape: &[usize]) -> Result<Vec<usize>> {
        self.view(shape)?;
        if self.statistics == Statistics::Batch {
            self.expect_batch(shape)?;
        }
        Ok(shape.to_vec())
    }

    fn record_forward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        y: &Tensor,
    ) -> Result<Saved> {
        let x = x[0];
        self.output_shape(x.shape())?;
        let launcher = Launcher::new(self, recorder, x)?;
        let pass = Pass::Forward { x, y };
        match &self.statistics {
            Statistics::Batch => {
                let batch = record_moments(recorder, NAME, x, launcher.view)?;
                launcher.record(recorder, pass, Source::Batch(&batch.words))?;
                return Ok(Saved::new(batch));
            }
            Statistics::Running => launcher.record(recorder, pass, Source::Running)?,
            Statistics::Whole { moments, .. } => {
                let moments = moments.on_device(recorder, x.gpu(), NAME)?;
                launcher.record(recorder, pass, Source::Batch(&moments))?;
            }
        }
        Ok(Saved::NOTHING)
    }

    fn compute_forward(&self, shape: &[usize], x: &[Slice<'_>], y: SliceMut<'_>) -> Result<Saved> {
        self.compute(shape, x[0], y)
    }

    fn compute_backward(
        &self,
        shape: &[usize],
        x: &[Slice<'_>],
        saved: &Saved,
        upstream: Slice<'_>,
        mut dx: Vec<SliceMut<'_>>,
        parameters: bool,
    ) -> Result<Vec<Vec<f32>>> {
        let Some(dx) = dx.pop() else {
            return Ok(Vec::new());
        };
        self.compute_gradients(shape, x[0], saved, upstream, dx, parameters)
    }

    fn compute_survey(
        &self,
        _: usize,
        shape: &[usize],
        x: &[Slice<'_>],
        upstream: Option<Slice<'_>>,
    ) -> Result<Vec<f32>> {
        self.compute_words(shape, x[0], upstream)
    }

    fn record_backward(
        &self,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        saved: &Saved,
        upstream: &Tensor,
        dx: &[&Tensor],
        parameters: bool,
    ) -> Result<Vec<Tensor>> {
        let (x, dx) = (x[0], dx[0]);
        let launcher = Launcher::new(self, recorder, x)?;
        let tensors = (upstream, dx);
        let alpha = match &self.statistics {
            Statistics::Batch => {
                let batch = saved.get::<TensorMoments>();
                let moments = &batch.ok_or_else(|| unknown("moments"))?.words;
                launcher.backward_of_batch(recorder, tensors, moments, None)?
            }
            Statistics::Running if parameters => launcher.backward_of_running(recorder, tensors)?,
            Statistics::Running => {
                launcher.record(recorder, launcher.backward(upstream, dx), Source::Running)?;
                return Ok(Vec::new());
            }
            Statistics::Whole { moments, sums } => {
                let sums = sums.as_ref().ok_or_else(|| unknown("sums"))?;
                let moments = moments.on_device(recorder, x.gpu(), NAME)?;
                let sums = sums.on_device(recorder, x.gpu(), NAME)?;
                let alpha = launcher.backward_of_batch(recorder, tensors, &moments, Some(&sums))?;
                recorder.done_with(alpha);
                return Ok(Vec::new());
            }
        };
        Ok(if parameters { vec![alpha] } else { Vec::new() })
    }

    fn saves(&self) -> bool {
        self.statistics == Statistics::Batch
    }

    fn axis(&self) -> Option<i64> {
        Some(self.axis)
    }

    fn set_axis(&mut self, axis: i64) {
        self.axis = axis;
    }

    fn math(&self) -> Option<Math> {
        Some(self.math)
    }

    fn set_math(&mut self, math: Math) {
        self.math = math;
    }

    fn gradients(&self, shape: &[usize]) -> Vec<Gradient> {
        let channels = axis_of(shape, self.axis).map(|axis| shape[axis]);
        vec![Gradient {
            name: "alpha",
            shape: channels.into_iter().collect(),
            per_channel: true,
        }]
    }

    fn surveys(&self, _whole_axis: bool) -> Vec<Survey> {
        if self.statistics == Statistics::Batch {
            vec![MOMENTS, SUMS]
        } else {
            Vec::new()
        }
    }

    fn record_survey(
        &self,
        _index: usize,
        recorder: &mut Recorder<'_>,
        x: &[&Tensor],
        upstream: Option<&Tensor>,
    ) -> Result<Tensor> {
        let x = x[0];
        let launcher = Launcher::new(self, recorder, x)?;
        match (&self.statistics, upstream) {
            (Statistics::Whole { moments, .. }, Some(upstream)) => {
                let moments = moments.on_device(recorder, x.gpu(), NAME)?;
                launcher.sums(recorder, upstream, &moments)
            }
            _ => Ok(record_moments(recorder, NAME, x, launcher.view)?.into_words()),
        }
    }

    fn on_part(&self, part: &Part<'_>) -> Result<Box<dyn Operation>> {
        let mut on_part = self.clone().axis(Part::AXIS);
        for values in [&mut on_part.alpha, &mut on_part.mean, &mut on_part.variance] {
            *values = values.part(part.extent.clone())?;
        }
        if let Some(table) = part.known.get(OF_MOMENTS) {
            let words = part.extent.clone().flat_map(|channel| {
                let words = table.of(channel);
                let held = |place: usize| words[place] as f32;
                [held(0), held(1), m2_word(words[2]), held(3)]
            });
            on_part.statistics = Statistics::Whole {
                moments: words.collect::<Vec<_>>().into(),
                sums: part.channels(OF_SUMS).map(Into::into),
            };
        }
        Ok(Box::new(on_part))
    }

    fn surveyed_gradients(&self, known: &[Table]) -> Option<Vec<Vec<f32>>> {
        let sums = known.get(OF_SUMS)?.rows();
        Some(vec![sums.map(|sums| sums[2] as f32).collect()])
    }

    fn extras(&self, known: &[Table]) -> Vec<Extra> {
        let extra = |(name, bounds): (_, Vec<Bound>)| Extra {
            name,
            shape: vec![bounds.len()],
            values: bounds.iter().map(|bound| bound.expected as f32).collect(),
        };
        self.expected_extras(known).into_iter().map(extra).collect()
    }

    fn expected_extras(&self, known: &[Table]) -> Vec<(&'static str, Vec<Bound>)> {
        let Some(moments) = known.get(OF_MOMENTS) else {
            return Vec::new();
        };
        let momentum = f64::from(self.momentum);
        let (means, variances) = (self.mean.to_host(), self.variance.to_host());
        let of_channel = |(channel, moments): (usize, &[f64])| {
            let (count, mean, m2) = (moments[0], mean_of(moments), moments[2]);
            let running = [means.of(channel), variances.of(channel)];
            if count == 0.0 {
                // Nothing has a mean, and moves nothing.
                return [f64::NAN, f64::NAN, running[0], running[1]].map(bound::exact);
            }
            let batch_mean = bound::mean(mean, m2 / count);
            let batch_variance = bound::variance(m2 / count);
            let estimate = match self.biased {
                true => batch_variance,
                false => Bound {
                    expected: m2 / (count - 1.0),
                    allowed: batch_variance.allowed * count / (count - 1.0),
                },
            };
            [
                batch_mean,
                batch_variance,
                bound::moved(running[0], momentum, batch_mean),
                bound::moved(running[1], momentum, estimate),
            ]
        };
        let extra = |(index, name): (usize, &&'static str)| {
            let channels = moments.rows().enumerate();
            let bounds = channels.map(|channel| of_channel(channel)[index]);
            (*name, bounds.collect())
        };
        EXTRAS.iter().enumerate().map(extra).collect()
    }

    fn extra_names(&self) -> &'static [&'static str] {
        match self.statistics {
            Statistics::Running => &[],
            Statistics::Batch | Statistics::Whole { .. } => &EXTRAS,
        }
    }

    fn only_for(&self, parameter: &str) -> &'static [&'static str] {
        match (&self.statistics, parameter) {
            (Statistics::Running, _) => &[],
            (_, "momentum" | "mean" | "variance") => &EXTRAS[2..],
            _ => &[],
        }
    }

    fn expected(&self, sheet: &Sheet<'_>) -> Vec<Bound> {
        let channels = self.channels(sheet);
        let elements = sheet.x().iter().zip(channels.iter().cycle());
        elements
            .map(|(&x, channel)| bound::forward(channel, self.math, x))
            .collect()
    }

    fn expected_backward(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
    ) -> Vec<Vec<Bound>> {
        let channels = self.channels(sheet);
        let through = sheet.places.iter().map(|&place| self.through(sheet, place));
        let through: Vec<_> = through.collect();
        let channels = channels.iter().zip(&through).cycle();
        let elements = sheet.x().iter().zip(upstream).zip(channels);
        let dx = elements.map(|((&x, &g), (channel, through))| {
            let (means, steepest) = through.unwrap_or((Through::default(), g.abs()));
            bound::backward(channel, self.math, (x, g), means, steepest)
        });
        vec![dx.collect()]
    }

    fn add_terms(
        &self,
        sheet: &Sheet<'_>,
        upstream: &[f64],
        _: Option<&[u32]>,
        sums: &mut [Vec<Sum>],
    ) {
        let channels = self.channels(sheet);
        let Some(sums) = sums.first_mut() else {
            return;
        };
        let pairs = sheet.x().iter().zip(upstream).enumerate();
        for (index, (&x, &g)) in pairs {
            let place = index % channels.len();
            let channel = &channels[place];
            sums[place].add(channel.alpha_term(x, g));
            sums[place].off += bound::alpha_term(channel, self.math, x, g);
        }
    }

    fn gradient_share(&self, _: usize) -> f64 {
        bound::share(self.math)
    }

    fn survey(&self, index: usize, sheet: &Sheet<'_>, upstream: Option<&[f64]>) -> Vec<f64> {
        match (index, upstream) {
            (OF_MOMENTS, _) => moments_of(sheet),
            (_, Some(upstream)) => self.sums_of(sheet, upstream),
            _ => Vec::new(),
        }
    }
}

impl Function {
    /// The channels of the places of a sheet. Where their statistics are not known nothing is right: NaN.
    fn channels(&self, sheet: &Sheet<'_>) -> Vec<Channel> {
        let alpha = self.alpha.to_host();
        let given = self.statistics == Statistics::Running;
        let running = given.then(|| (self.mean.to_host(), self.variance.to_host()));
        let statistics = |place: usize| match (&running, sheet.known.get(OF_MOMENTS)) {
            (Some((mean, variance)), _) => (mean.of(place), variance.of(place)),
            (None, Some(moments)) => {
                let moments = moments.of(place);
                (mean_of(moments), moments[2] / moments[0])
            }
            (None, None) => (f64::NAN, f64::NAN),
        };
        let channel = |&place: &usize| {
            let (mean, variance) = statistics(place);
            Channel {
                mean,
                variance,
                alpha: alpha.of(place),
                epsilon: f64::from(self.epsilon),
            }
        };
        sheet.places.iter().map(channel).collect()
    }

    /// What the gradients of a channel owe to the statistics of the batch, and its largest upstream gradient.
    fn through(&self, sheet: &Sheet<'_>, channel: usize) -> Option<(Through, f64)> {
        let count = sheet.known.get(OF_MOMENTS)?.of(channel)[0];
        let sums = sheet.known.get(OF_SUMS)?.of(channel);
        let (k, kz) = (sums[0] / count, sums[1] / count);
        Some((Through { k, kz }, sums[3]))
    }

    /// What [`SUMS`] finds in a sheet.
    fn sums_of(&self, sheet: &Sheet<'_>, upstream: &[f64]) -> Vec<f64> {
        let channels = self.channels(sheet);
        let mut words = SUMS.empty.repeat(channels.len());
        for (index, (&x, &g)) in sheet.x().iter().zip(upstream).enumerate() {
            let place = index % channels.len();
            let channel = &channels[place];
            let Through { k, kz } = channel.through(x, g);
            let part = [k, kz, channel.alpha_term(x, g), g.abs()];
            merge_sums(&mut words[SUMS.words * place..][..SUMS.words], &part);
        }
        words
    }
}

/// What [`MOMENTS`] finds in a sheet.
fn moments_of(sheet: &Sheet<'_>) -> Vec<f64> {
    // Lanes of places are rows of channels.
    let Ok(moments) = Moments::of(sheet.x(), sheet.places.len(), 1) else {
        return Vec::new();
    };
    let count = moments.count() as f64;
    let channels = moments.mean().iter().zip(moments.m2());
    channels
        .flat_map(|(&mean, &m2)| {
            let [mean, rest] = in_two(mean);
            [count, mean, m2, rest]
        })
        .collect()
}

fn unknown(what: &str) -> Error {
    Error::Internal(format!("{NAME}: the {what} of the batch were not taken"))
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.alpha {
            PerChannel::All(alpha) => write!(f, "{NAME}(alpha={}", number(alpha))?,
            PerChannel::Each(_) => write!(f, "{NAME}(alpha per channel")?,
        }
        write!(f, ", epsilon={}", number(self.epsilon))?;
        if self.momentum != Self::new().momentum {
            write!(f, ", momentum={}", number(self.momentum))?;
        }
        f.write_str(match self.statistics {
            Statistics::Running => ", mode=infer",
            Statistics::Batch | Statistics::Whole { .. } => ", mode=train",
        })?;
        if self.axis != -1 {
            write!(f, ", axis={}", self.axis)?;
        }
        f.write_str(")")
    }
}

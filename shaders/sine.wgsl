// The sine of any number, by whole numbers alone: no argument is too large, and the quadrant is exact.

// sin(2z), and sin^2(z) = base + half, the base being 0, 1/2 or 1.
struct Sines { of_twice: Real, base: Real, half: Real }

fn square(s: Sines) -> Real { return s.base + s.half; }

// Three words of 1 / pi, from some bit on.
struct Window { first: Bits, second: Bits, third: Bits }

// 1 / pi in 320 bits, behind 64 zeros. `start` is at most 287, so that eight words, four, two and one are left out in turn.
fn window(start: Bits) -> Window {
    let words = start >> Bits(5u);
    let by_8 = words > Bits(7u);
    let a0 = select(Bits(0u), Bits(0xff28b1d5u), by_8);
    let a1 = select(Bits(0u), Bits(0xef5de2b0u), by_8);
    let a2 = select(Bits(0x517cc1b7u), Bits(0xdb92371du), by_8);
    let a3 = select(Bits(0x27220a94u), Bits(0x2126e970u), by_8);
    let by_4 = (words & Bits(4u)) > Bits(0u);
    let b0 = select(a0, Bits(0xfe13abe8u), by_4);
    let b1 = select(a1, Bits(0xfa9a6ee0u), by_4);
    let b2 = select(a2, Bits(0x6db14accu), by_4);
    let b3 = select(a3, Bits(0x9e21c820u), by_4);
    let b4 = select(Bits(0xfe13abe8u), Bits(0xff28b1d5u), by_4);
    let b5 = select(Bits(0xfa9a6ee0u), Bits(0xef5de2b0u), by_4);
    let b6 = select(Bits(0x6db14accu), Bits(0xdb92371du), by_4);
    let by_2 = (words & Bits(2u)) > Bits(0u);
    let c0 = select(b0, b2, by_2);
    let c1 = select(b1, b3, by_2);
    let c2 = select(b2, b4, by_2);
    let c3 = select(b3, b5, by_2);
    let c4 = select(b4, b6, by_2);
    let by_1 = (words & Bits(1u)) > Bits(0u);
    let d0 = select(c0, c1, by_1);
    let d1 = select(c1, c2, by_1);
    let d2 = select(c2, c3, by_1);
    let d3 = select(c3, c4, by_1);
    let left = start & Bits(31u);
    let right = Bits(31u) - left;
    return Window(
        (d0 << left) | ((d1 >> Bits(1u)) >> right),
        (d1 << left) | ((d2 >> Bits(1u)) >> right),
        (d2 << left) | ((d3 >> Bits(1u)) >> right),
    );
}

// a's `index`th byte from the top.
fn byte(a: Bits, index: Bits) -> Bits { return (a >> (Bits(24u) - (index << Bits(3u)))) & Bits(0xffu); }

// |a b| / pi less its whole part, times 2^32. The product has 48 bits, upper * 2^24 + lower, times 2^(exponents - 300).
fn turns(a: Bits, b: Bits) -> Bits {
    let p = (a & Bits(0x7fffffu)) | Bits(0x800000u);
    let q = (b & Bits(0x7fffffu)) | Bits(0x800000u);
    let p1 = p >> Bits(12u);
    let p0 = p & Bits(0xfffu);
    let q1 = q >> Bits(12u);
    let q0 = q & Bits(0xfffu);
    let low = p0 * q0;
    let middle = p1 * q0 + p0 * q1 + (low >> Bits(12u));
    let upper_part = p1 * q1 + (middle >> Bits(12u));
    let lower_part = ((middle & Bits(0xfffu)) << Bits(12u)) | (low & Bits(0xfffu));
    let exponents = ((a >> Bits(23u)) & Bits(0xffu)) + ((b >> Bits(23u)) & Bits(0xffu));
    let w = window(exponents - Bits(236u));
    // What is above the point falls off by itself. Of what is below 2^-32 bytes are enough, whose products fit.
    let lower_terms = ((lower_part * byte(w.second, Bits(0u))) >> Bits(8u))
        + ((lower_part * byte(w.second, Bits(1u))) >> Bits(16u))
        + ((lower_part * byte(w.second, Bits(2u))) >> Bits(24u));
    let upper_terms = ((upper_part * byte(w.second, Bits(3u))) >> Bits(8u))
        + ((upper_part * byte(w.third, Bits(0u))) >> Bits(16u))
        + ((upper_part * byte(w.third, Bits(1u))) >> Bits(24u));
    let shifted = (w.first << Bits(24u)) | (w.second >> Bits(8u));
    return lower_part * w.first + lower_terms + upper_part * shifted + upper_terms;
}

// Those of z = a b, within 1.1e-7 for any a and b; 0 and 1/2, their means, for an infinite a.
fn sines(a: Real, b: Real) -> Sines {
    let near = abs(a * b) < Real(0.39);
    let all = turns(bitcast<Bits>(a), bitcast<Bits>(b));
    let nearest = (all + Bits(0x20000000u)) >> Bits(30u);
    let rest = all - (nearest << Bits(30u));
    let negative = rest > Bits(0x7fffffffu);
    let far = Real(select(rest, Bits(0u) - rest, negative)) * 1.46291808e-9;
    // 2z is v and so many quarters of a turn.
    let v = select(select(far, -far, negative), 2.0 * abs(a * b), near);
    let quarters = select(nearest, Bits(0u), near);
    // sin v and cos v - 1 (minimax, 4e-9 and 4e-10).
    let w = v * v;
    let s = v + (v * w) * (-0.16666655 + w * (0.008332176 - w * 1.9516978e-4));
    let c = w * (-0.5 + w * (0.041666657 + w * (-0.001388773 + w * 2.447687e-5)));
    let odd = (quarters & Bits(1u)) > Bits(0u);
    let second_half = quarters > Bits(1u);
    let twice = select(s, 1.0 + c, odd);
    let bend = select(-c, s, odd);
    let base = select(select(Real(0.0), Real(1.0), second_half), Real(0.5), odd);
    let backwards = second_half != (((bitcast<Bits>(a) ^ bitcast<Bits>(b)) >> Bits(31u)) > Bits(0u));
    let infinite = abs(a) > Real(LARGEST);
    return Sines(
        select(select(twice, -twice, backwards), Real(0.0), infinite),
        select(base, Real(0.5), infinite),
        select(0.5 * select(bend, -bend, second_half), Real(0.0), infinite),
    );
}

// a b c, of which no product leaves f32's range on the way while that of all is within.
fn product_of_three(a: Real, b: Real, c: Real) -> Real {
    let apart = (abs(b) < Real(1.0)) != (abs(c) < Real(1.0));
    return (b * select(a, c, apart)) * select(c, a, apart);
}

"""Kernels of a decoder step on a GPU, in Triton (which comes with torch for CUDA).

A step of the eager loops is some ninety small operations, each of which costs more to launch than to compute; here it
is a handful. What a step reads and writes lies at `step = clock + offset` of its history, and the clock lies on the
device, so that a captured graph of some steps can be replayed for those behind them (speech/acoustic/_graphs.py).

Axes and names are those of speech/acoustic/_loops.py; R is the length of a row of states, and `column` where in it a
hidden state or a context begins. A `low` is a copy of a row of states in the type of the products. Sums are in float32
and in one order, so that equal inputs give equal bits.
"""

import triton
import triton.language as tl

STEP = ["offset"]


@triton.jit
def _squash(gates_in, gates_forget, gates_new, gates_out, before):
    """Sigmoids of the gates (the cell's doubled), the new state, its squashed double, the hidden state."""
    into, forget, out = tl.sigmoid(gates_in), tl.sigmoid(gates_forget), tl.sigmoid(gates_out)
    new = tl.sigmoid(2.0 * gates_new)
    state = forget * before + into * (2.0 * new - 1.0)
    squashed = tl.sigmoid(2.0 * state)
    return into, forget, new, out, state, squashed, out * (2.0 * squashed - 1.0)


@triton.jit(do_not_specialize=STEP)
def lstm(clock, offset, gates, share, states, squashed, dropout, history, row, low, batch, hidden, width,
         DROPPED: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """gates [L, B, 4H] (their sigmoids take their place) and share [B, 4H] -> states [L + 1, B, H], squashed [L, B, H],
    and the hidden state in history [L + 1, B, R], row [B, R] and low [B, R]."""
    step = (tl.load(clock) + offset).to(tl.int64)
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < batch * hidden
    b, h = cell // hidden, cell % hidden
    at, place = b * 4 * hidden + h, gates + step * batch * 4 * hidden
    into = tl.load(place + at, inside) + tl.load(share + at, inside).to(tl.float32)
    at += hidden
    forget = tl.load(place + at, inside) + tl.load(share + at, inside).to(tl.float32)
    at += hidden
    new = tl.load(place + at, inside) + tl.load(share + at, inside).to(tl.float32)
    at += hidden
    out = tl.load(place + at, inside) + tl.load(share + at, inside).to(tl.float32)
    before = tl.load(states + step * batch * hidden + cell, inside)
    into, forget, new, out, state, small, said = _squash(into, forget, new, out, before)
    at = b * 4 * hidden + h
    tl.store(place + at, into, inside)
    tl.store(place + at + hidden, forget, inside)
    tl.store(place + at + 2 * hidden, new, inside)
    tl.store(place + at + 3 * hidden, out, inside)
    tl.store(states + (step + 1) * batch * hidden + cell, state, inside)
    tl.store(squashed + step * batch * hidden + cell, small, inside)
    if DROPPED:
        said *= tl.load(dropout + step * batch * hidden + cell, inside)
    tl.store(history + (step + 1) * batch * width + b * width + h, said, inside)
    tl.store(row + b * width + h, said, inside)
    tl.store(low + b * width + h, said.to(low.dtype.element_ty), inside)


@triton.jit(do_not_specialize=STEP)
def lstm_back(clock, offset, answer, carried, given, gates, states, squashed, dropout, to_state, low, batch, hidden,
              width, ANSWERED: tl.constexpr, DROPPED: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """The gradient of a hidden state, answer [B, H] + carried [B, R] + given [L, B, R], -> that of the gates before
    their sigmoids, over gates [L, B, 4H] and in low [B, 4H]; to_state [B, H] goes on to the step before."""
    step = (tl.load(clock) + offset).to(tl.int64)
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < batch * hidden
    b, h = cell // hidden, cell % hidden
    said = tl.load(carried + b * width + h, inside).to(tl.float32)
    said += tl.load(given + step * batch * width + b * width + h, inside)
    if ANSWERED:
        said += tl.load(answer + cell, inside)
    if DROPPED:
        said *= tl.load(dropout + step * batch * hidden + cell, inside)
    at, place = b * 4 * hidden + h, gates + step * batch * 4 * hidden
    into, forget = tl.load(place + at, inside), tl.load(place + at + hidden, inside)
    new, out = tl.load(place + at + 2 * hidden, inside), tl.load(place + at + 3 * hidden, inside)
    small = tl.load(squashed + step * batch * hidden + cell, inside)
    before = tl.load(states + step * batch * hidden + cell, inside)
    state = tl.load(to_state + cell, inside) + 4.0 * said * out * small * (1.0 - small)
    into_back = state * (2.0 * new - 1.0) * into * (1.0 - into)
    forget_back = state * before * forget * (1.0 - forget)
    new_back = 4.0 * state * into * new * (1.0 - new)
    out_back = said * (2.0 * small - 1.0) * out * (1.0 - out)
    tl.store(to_state + cell, state * forget, inside)
    tl.store(place + at, into_back, inside)
    tl.store(place + at + hidden, forget_back, inside)
    tl.store(place + at + 2 * hidden, new_back, inside)
    tl.store(place + at + 3 * hidden, out_back, inside)
    kind = low.dtype.element_ty
    tl.store(low + at, into_back.to(kind), inside)
    tl.store(low + at + hidden, forget_back.to(kind), inside)
    tl.store(low + at + 2 * hidden, new_back.to(kind), inside)
    tl.store(low + at + 3 * hidden, out_back.to(kind), inside)


@triton.jit(do_not_specialize=STEP)
def score(clock, offset, places, location, processed, query, v, energies, scores, batch, symbols, channels, kernel,
          KEPT: tl.constexpr, SYMBOLS: tl.constexpr, CHANNELS: tl.constexpr, TAPS: tl.constexpr):  # fmt: skip
    """places [L + 1, B, 2, N + K - 1], location [2 K, D], processed [B, N, D], query [B, D], v [D] -> scores [B, N];
    and energies [L, B, N, D], the sigmoids, where they are KEPT. A program takes SYMBOLS symbols of a sentence.

    "tf32x3" is made by the matrix units of three products of halves, and keeps some 21 bits; "ieee" has no room for the
    factors in registers, and took 70 us where all else of a step took 33 (H200).
    """
    step = (tl.load(clock) + offset).to(tl.int64)
    b = tl.program_id(0)
    n, d, k = tl.program_id(1) * SYMBOLS + tl.arange(0, SYMBOLS), tl.arange(0, CHANNELS), tl.arange(0, TAPS)
    reach = symbols + kernel - 1
    seen_at = places + (step * batch + b) * 2 * reach + ((k // kernel) * reach + k % kernel)[None, :] + n[:, None]
    seen = tl.load(seen_at, (n < symbols)[:, None] & (k < 2 * kernel)[None, :], 0.0)
    known = (d < channels)[None, :] & (k < 2 * kernel)[:, None]
    taps = tl.load(location + k[:, None] * channels + d[None, :], known, 0.0)
    inside = (n < symbols)[:, None] & (d < channels)[None, :]
    at = (b * symbols + n)[:, None] * channels + d[None, :]
    energy = tl.dot(seen, taps, input_precision="tf32x3") + tl.load(processed + at, inside, 0.0)
    energy += tl.load(query + b * channels + d, d < channels, 0.0)[None, :]
    energy = tl.sigmoid(2.0 * energy)
    if KEPT:
        tl.store(energies + step * batch * symbols * channels + at, energy, inside)
    weight = tl.load(v + d, d < channels, 0.0)
    tl.store(scores + b * symbols + n, 2.0 * tl.sum(energy * weight[None, :], 1), n < symbols)


@triton.jit(do_not_specialize=STEP)
def attend(clock, offset, scores, padding, places, memory, history, row, low, batch, symbols, channels, kernel, width,
           column, KEPT: tl.constexpr, ALL: tl.constexpr, CHANNELS: tl.constexpr, SYMBOLS: tl.constexpr):  # fmt: skip
    """scores [B, N], padding [B, N], memory [B, N, C] -> the alignment and the sum of all in places, and the context
    in row [B, R], low [B, R] and, where it is KEPT, history [L + 1, B, R]. A program takes CHANNELS of a sentence's."""
    step = (tl.load(clock) + offset).to(tl.int64)
    b, part = tl.program_id(0), tl.program_id(1)
    every = tl.arange(0, ALL)
    raw = tl.load(scores + b * symbols + every, every < symbols, -float("inf"))
    behind = tl.load(padding + b * symbols + every, every < symbols, 1)
    raw = tl.where(behind != 0, -float("inf"), raw)
    top = tl.max(raw, 0)
    weights = tl.exp(raw - top)
    total = tl.sum(weights, 0)
    reach = symbols + kernel - 1
    if part == 0:
        now = places + (step * batch + b) * 2 * reach + kernel // 2 + every
        then = now + batch * 2 * reach
        weights = weights / total
        tl.store(then, weights, every < symbols)
        tl.store(then + reach, tl.load(now + reach, every < symbols) + weights, every < symbols)
    c = part * CHANNELS + tl.arange(0, CHANNELS)
    context = tl.zeros([CHANNELS], tl.float32)
    for start in range(0, symbols, SYMBOLS):
        n = start + tl.arange(0, SYMBOLS)
        one = tl.load(scores + b * symbols + n, n < symbols, -float("inf"))
        unsaid = tl.load(padding + b * symbols + n, n < symbols, 1)
        share = tl.exp(tl.where(unsaid != 0, -float("inf"), one) - top) / total
        heard = tl.load(memory + (b * symbols + n)[:, None] * channels + c[None, :],
                        (n < symbols)[:, None] & (c < channels)[None, :], 0.0)  # fmt: skip
        context += tl.sum(share[:, None] * heard, 0)
    at = b * width + column + c
    if KEPT:
        tl.store(history + (step + 1) * batch * width + at, context, c < channels)
    tl.store(row + at, context, c < channels)
    tl.store(low + at, context.to(low.dtype.element_ty), c < channels)


@triton.jit(do_not_specialize=STEP)
def attend_back(clock, offset, carried, given, to_context, to_alignment, spread, total, memory, to_weights, batch,
                symbols, channels, kernel, width, column, SYMBOLS: tl.constexpr, CHANNELS: tl.constexpr,
                TAPS: tl.constexpr):  # fmt: skip
    """carried [B, R] + given [L, B, R] -> to_context [L, B, C]; with to_alignment [L, B, N] and what the step behind
    spread [B, N, 2, K] over the places -> to_weights [B, N]. total [B, N] gathers what the sums have to answer."""
    step = (tl.load(clock) + offset).to(tl.int64)
    b, part = tl.program_id(0), tl.program_id(1)
    n, k = part * SYMBOLS + tl.arange(0, SYMBOLS), tl.arange(0, TAPS)
    source = n[:, None] + kernel // 2 - k[None, :]  # whose kernel saw symbol n with its tap k
    known = (source >= 0) & (source < symbols) & (k < kernel)[None, :] & (n < symbols)[:, None]
    at = spread + (b * symbols + source) * 2 * kernel + k[None, :]
    summed = tl.load(total + b * symbols + n, n < symbols, 0.0) + tl.sum(tl.load(at + kernel, known, 0.0), 1)
    tl.store(total + b * symbols + n, summed, n < symbols)
    back = summed + tl.sum(tl.load(at, known, 0.0), 1)
    back += tl.load(to_alignment + (step * batch + b) * symbols + n, n < symbols, 0.0)
    for start in range(0, channels, CHANNELS):
        c = start + tl.arange(0, CHANNELS)
        context = tl.load(carried + b * width + column + c, c < channels, 0.0).to(tl.float32)
        context += tl.load(given + (step * batch + b) * width + column + c, c < channels, 0.0)
        if part == 0:
            tl.store(to_context + (step * batch + b) * channels + c, context, c < channels)
        heard = tl.load(memory + (b * symbols + n)[:, None] * channels + c[None, :],
                        (n < symbols)[:, None] & (c < channels)[None, :], 0.0)  # fmt: skip
        back += tl.sum(heard * context[None, :], 1)
    tl.store(to_weights + b * symbols + n, back, n < symbols)


@triton.jit(do_not_specialize=STEP)
def score_back(clock, offset, to_weights, places, energies, v, location, spread, v_parts, query_parts, answers, batch,
               symbols, channels, kernel, parts, ALL: tl.constexpr, SYMBOLS: tl.constexpr, CHANNELS: tl.constexpr,
               TAPS: tl.constexpr):  # fmt: skip
    """to_weights [B, N] -> the gradient before the sigmoids (a quarter of it), over energies [L, B, N, D]; what the
    location kernel sends back, in spread [B, N, 2, K]; and sums over a program's symbols: half of v's gradient is added
    to v_parts [B, P, D], a quarter of the query's is in query_parts [L, B, P, D] and answers [B, P, D]."""
    step = (tl.load(clock) + offset).to(tl.int64)
    b, part = tl.program_id(0), tl.program_id(1)
    n, d, k = part * SYMBOLS + tl.arange(0, SYMBOLS), tl.arange(0, CHANNELS), tl.arange(0, TAPS)
    every = tl.arange(0, ALL)
    reach = symbols + kernel - 1
    aligned = places + ((step + 1) * batch + b) * 2 * reach + kernel // 2
    weights = tl.load(aligned + every, every < symbols, 0.0)
    mean = tl.sum(weights * tl.load(to_weights + b * symbols + every, every < symbols, 0.0), 0)
    weights = tl.load(aligned + n, n < symbols, 0.0)
    to_scores = weights * (tl.load(to_weights + b * symbols + n, n < symbols, 0.0) - mean)
    inside = (n < symbols)[:, None] & (d < channels)[None, :]
    at = energies + step * batch * symbols * channels + (b * symbols + n)[:, None] * channels + d[None, :]
    energy = tl.load(at, inside, 0.0)
    sums = (b * parts + part) * channels + d
    own = tl.load(v_parts + sums, d < channels, 0.0) + tl.sum(energy * to_scores[:, None], 0)
    tl.store(v_parts + sums, own, d < channels)
    weight = tl.load(v + d, d < channels, 0.0)
    back = to_scores[:, None] * weight[None, :] * energy * (1.0 - energy)
    tl.store(at, back, inside)
    asked = tl.sum(back, 0)
    tl.store(answers + sums, asked, d < channels)
    tl.store(query_parts + step * batch * parts * channels + sums, asked, d < channels)
    known = (d < channels)[:, None] & (k < 2 * kernel)[None, :]
    taps = tl.load(location + d[:, None] * 2 * kernel + k[None, :], known, 0.0)
    sent = 4.0 * tl.dot(back, taps, input_precision="tf32x3")
    tl.store(spread + (b * symbols + n)[:, None] * 2 * kernel + k[None, :], sent,
             (n < symbols)[:, None] & (k < 2 * kernel)[None, :])  # fmt: skip


@triton.jit(do_not_specialize=STEP)
def prenet(clock, offset, told, first, second, masks, row, low, batch, told_width, column, bands, channels, width,
           block, BANDS: tl.constexpr, CHANNELS: tl.constexpr, OUT: tl.constexpr):  # fmt: skip
    """told [B, W] from `column` on is the last frame; first [P, M], second [P, P], masks [block, 2, B, P] -> row, low
    [B, R] from 0 on. Each program makes the first layer whole and OUT channels of the second."""
    step = tl.load(clock) + offset
    b, part = tl.program_id(0), tl.program_id(1)
    p, m = tl.arange(0, CHANNELS), tl.arange(0, BANDS)
    mask = masks + ((step % block) * 2 * batch + b) * channels
    heard = tl.zeros([CHANNELS], tl.float32)
    for start in range(0, bands, BANDS):
        band = start + m
        frame = tl.load(told + b * told_width + column + band, band < bands, 0.0)
        inside = (p < channels)[:, None] & (band < bands)[None, :]
        heard += tl.sum(tl.load(first + p[:, None] * bands + band[None, :], inside, 0.0) * frame[None, :], 1)
    heard = tl.maximum(heard, 0.0) * tl.load(mask + p, p < channels, 0.0)
    out = part * OUT + tl.arange(0, OUT)
    known = (out < channels)[:, None] & (p < channels)[None, :]
    weight = tl.load(second + out[:, None] * channels + p[None, :], known, 0.0)
    made = tl.maximum(tl.sum(weight * heard[None, :], 1), 0.0)
    made *= tl.load(mask + batch * channels + out, out < channels, 0.0)
    tl.store(row + b * width + out, made, out < channels)
    tl.store(low + b * width + out, made.to(low.dtype.element_ty), out < channels)


@triton.jit
def free_lstm(heard, weight, bias, states, row, low, hidden, inputs, width, start, column, UNITS: tl.constexpr,
              BLOCK: tl.constexpr):  # fmt: skip
    """Product and LSTM in one, for few rows: heard [B, R] from `start` on, weight [4H, I], bias [4H] -> the hidden
    state in row, low [B, R] from `column` on, which are other rows than those that are heard; states [B, H] go on. A
    program makes UNITS units of a row."""
    b, unit = tl.program_id(0), tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    lines = tl.arange(0, 4 * UNITS)
    line = (lines // UNITS) * hidden + tl.program_id(1) * UNITS + lines % UNITS
    there = tl.program_id(1) * UNITS + lines % UNITS < hidden
    summed = tl.zeros([4 * UNITS, BLOCK], tl.float32)
    for begin in range(0, inputs, BLOCK):
        i = begin + tl.arange(0, BLOCK)
        x = tl.load(heard + b * width + start + i, i < inputs, 0.0).to(tl.float32)
        w = tl.load(weight + line[:, None] * inputs + i[None, :], there[:, None] & (i < inputs)[None, :], 0.0)
        summed += w.to(tl.float32) * x[None, :]
    gates = tl.reshape(tl.sum(summed, 1) + tl.load(bias + line, there, 0.0), [4, UNITS])
    quarter = tl.arange(0, 4)[:, None]
    into = tl.sum(tl.where(quarter == 0, gates, 0.0), 0)
    forget = tl.sum(tl.where(quarter == 1, gates, 0.0), 0)
    new = tl.sum(tl.where(quarter == 2, gates, 0.0), 0)
    out = tl.sum(tl.where(quarter == 3, gates, 0.0), 0)
    before = tl.load(states + b * hidden + unit, unit < hidden, 0.0)
    into, forget, new, out, state, _small, said = _squash(into, forget, new, out, before)
    tl.store(states + b * hidden + unit, state, unit < hidden)
    tl.store(row + b * width + column + unit, said, unit < hidden)
    tl.store(low + b * width + column + unit, said.to(low.dtype.element_ty), unit < hidden)


@triton.jit
def free_cell(gates, states, row, low, batch, hidden, width, column, BLOCK: tl.constexpr):
    """`free_lstm` behind a product that was made elsewhere: gates [B, 4H]."""
    cell = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = cell < batch * hidden
    b, h = cell // hidden, cell % hidden
    at = b * 4 * hidden + h
    into, forget = tl.load(gates + at, inside).to(tl.float32), tl.load(gates + at + hidden, inside).to(tl.float32)
    at += 2 * hidden
    new, out = tl.load(gates + at, inside).to(tl.float32), tl.load(gates + at + hidden, inside).to(tl.float32)
    before = tl.load(states + cell, inside)
    into, forget, new, out, state, _small, said = _squash(into, forget, new, out, before)
    tl.store(states + cell, state, inside)
    tl.store(row + b * width + column + h, said, inside)
    tl.store(low + b * width + column + h, said.to(low.dtype.element_ty), inside)


@triton.jit(do_not_specialize=STEP)
def tell(clock, offset, row, rest, weight, bias, told, history, batch, outputs, inputs, width, start, split,
         KEPT: tl.constexpr, LINES: tl.constexpr, BLOCK: tl.constexpr):  # fmt: skip
    """A product for few rows: row [B, R] from `start` on and, behind `split` inputs, rest [B, R]; weight [O, I], bias
    [O] -> told [B, O] and, where it is KEPT, history [L, B, O]. A program makes LINES of a row's outputs."""
    step = (tl.load(clock) + offset).to(tl.int64)
    b, line = tl.program_id(0), tl.program_id(1) * LINES + tl.arange(0, LINES)
    summed = tl.zeros([LINES, BLOCK], tl.float32)
    for begin in range(0, inputs, BLOCK):
        i = begin + tl.arange(0, BLOCK)
        x = tl.load(row + b * width + start + i, i < split, 0.0)
        x += tl.load(rest + b * width + start + i, (i >= split) & (i < inputs), 0.0)
        known = (line < outputs)[:, None] & (i < inputs)[None, :]
        summed += tl.load(weight + line[:, None] * inputs + i[None, :], known, 0.0) * x[None, :]
    made = tl.sum(summed, 1) + tl.load(bias + line, line < outputs, 0.0)
    tl.store(told + b * outputs + line, made, line < outputs)
    if KEPT:
        tl.store(history + (step * batch + b) * outputs + line, made, line < outputs)

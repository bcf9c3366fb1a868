// Loops on the device: teams of blocks that share rows of the batch, and products of which every block has its columns.
//
// A team owns rows of the batch, and some of the heads, for the whole sequence; its blocks share the features of every
// value. Heads are what a step computes without looking at one another (1 where it looks at everything). Between the
// parts of a step all threads of a team meet where one reads what another one has written; teams never meet.

struct Team {
  int blocks, rank, rows, heads;  // of the team; this block's number in it
  bool clustered;                 // whether the team is a cluster, which has a barrier in hardware
  long long first, first_head;    // the team's first row of the batch, and its first head
  unsigned* counter;
  unsigned target;

  // `rows` and `heads` are what a team has at most, `batch` and `all_heads` what there is.
  __device__ __forceinline__ Team(
      int blocks, int rows, int heads, int clustered, long long batch, long long all_heads, unsigned* counters)
      : blocks(blocks), rank(blockIdx.x % blocks), clustered(clustered), counter(counters + blockIdx.x / blocks * 32),
        target(0) {
    const int number = blockIdx.x / blocks, across = (int)((all_heads + heads - 1) / heads);
    first = number / across * (long long)rows;
    first_head = number % across * (long long)heads;
    this->rows = (int)within_(batch - first, rows);
    this->heads = (int)within_(all_heads - first_head, heads);
  }
  // All threads meet: what others wrote before they arrived can be read behind the wait. What stands between the two
  // is under way while others are waited for; it must not touch what blocks exchange.
  __device__ __forceinline__ void arrive() {
    if (blocks > 1 && !clustered) grid_arrive(counter, blocks, &target);
  }
  __device__ __forceinline__ void wait() {
    if (blocks == 1) __syncthreads();
    else if (clustered) cluster_barrier();
    else grid_wait(counter, target);
  }
  __device__ __forceinline__ void meet() {
    arrive();
    wait();
  }
  // Before the first and behind the last number that blocks write into the shared memory of one another, which must be
  // there. Blocks of the whole grid have no such numbers.
  __device__ __forceinline__ void settle() {
    if (blocks == 1 || clustered) meet();
  }
};

// The features of one block: `share` is what it may have at most, `own` what it has, from `first` on.
struct Share {
  int share, own;
  long long first;

  __device__ __forceinline__ Share(const Team& team, long long features) {
    share = (int)((features + team.blocks - 1) / team.blocks);
    first = team.rank * (long long)share;
    own = of(team.rank, features);
  }
  // How many of the features a block has.
  __device__ __forceinline__ int of(int rank, long long features) const {
    return (int)within_(features - rank * (long long)share, share);
  }
};

template <typename P> __device__ __forceinline__ void swap_(P*& a, P*& b) {
  P* const kept = a;
  a = b;
  b = kept;
}

// The left operand of a product, whose rows are `stride` numbers apart: in memory, or in the block's shared memory from
// byte `near` on (else -1), where it lies as products want it.
template <typename I> struct Left {
  const I* at;
  long long stride;
  int near;
};

// Where one product has its buffers, in bytes of the block's shared memory. `weights` is -1 where they do not stay there.
struct Places {
  int weights, sums, splits, left, stage, chunk;
};

// The elements of a product: `splits` partial sums for each, in shared memory, always added in the same order.
template <typename N> struct Sums {
  const N* at;
  int splits, stride, wide;

  // Four at once, so that their loads are under way together.
  __device__ __forceinline__ N operator()(int row, int column) const {
    const N* from = at + row * wide + column;
    N total = N(0);
#pragma unroll 1
    for (int s = 0; s < splits; s += 4, from += 4 * stride) {
      N part[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) part[i] = s + i < splits ? *in_shared(from + i * stride) : N(0);
#pragma unroll
      for (int i = 0; i < 4; ++i) total += part[i];
    }
    return total;
  }
};

__device__ __forceinline__ int up_to(int n, int step) { return (n + step - 1) / step * step; }

// What tensor cores multiply: fragments of 16 columns of weights by eight rows, since teams have few rows (with columns
// and rows the other way round eight of 16 would be zeros). `deep` numbers are summed, of which a register holds `each`.
// A lane has those of two registers side by side, so that one load brings both: which of the numbers that are summed a
// lane multiplies does not matter, if it is the same of both operands.
template <typename I> struct Fragments;
struct __align__(8) TwoRegisters { unsigned x[2]; };
template <typename I> struct FragmentsOfHalves {
  static constexpr int deep = 16, each = 2;
  __device__ static __forceinline__ I rounded(I x) { return x; }
  __device__ static __forceinline__ TwoRegisters rows(TwoRegisters x) { return x; }
  __device__ static __forceinline__ void add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    mma_m16n8k16<I>(sums, a, b);
  }
};
template <> struct Fragments<f16> : FragmentsOfHalves<f16> {};
template <> struct Fragments<bf16> : FragmentsOfHalves<bf16> {};
template <> struct Fragments<tf32> {
  static constexpr int deep = 8, each = 1;
  __device__ static __forceinline__ tf32 rounded(tf32 x) { return {__uint_as_float(to_tf32(x.whole))}; }
  __device__ static __forceinline__ TwoRegisters rows(TwoRegisters x) {
    return {{to_tf32(__uint_as_float(x.x[0])), to_tf32(__uint_as_float(x.x[1]))}};
  }
  __device__ static __forceinline__ void add(float (&sums)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    mma_m16n8k8_tf32(sums, a, b);
  }
};

// How the operands of a product lie in shared memory, counted in numbers. Full numbers: weights by rows of k, sums of
// four columns and one or four rows by each thread. For fragments: weights by columns, k without gaps; a line is 32
// bytes longer than it must be, and one of sums as long, that lanes meet different banks.
template <typename I> struct Lying {
  static constexpr int across = 4;
  __device__ static __forceinline__ int tall(int rows) { return rows < 4 ? rows : (rows + 3) / 4 * 4; }
  __device__ static __forceinline__ int line(int length) { return length + 16 / (int)sizeof(I); }
  __device__ static __forceinline__ int deep(int inner) { return inner; }
  __device__ static __forceinline__ int place(int k, int column, int wide, int) { return k * wide + column; }
  __device__ static __forceinline__ int whole(int wide, int inner) { return inner * wide; }
  __device__ static __forceinline__ int sums(int wide) { return wide; }
  __device__ static __forceinline__ I rounded(I x) { return x; }
};
template <typename I> struct LyingForFragments {
  static constexpr int across = 8;
  __device__ static __forceinline__ int tall(int rows) { return rows <= 8 ? 8 : (rows + 15) / 16 * 16; }
  __device__ static __forceinline__ int line(int length) { return deep(length) + 32 / (int)sizeof(I); }
  __device__ static __forceinline__ int deep(int inner) { return up_to(inner, Fragments<I>::deep); }
  __device__ static __forceinline__ int place(int k, int column, int, int inner) { return column * line(inner) + k; }
  __device__ static __forceinline__ int whole(int wide, int inner) { return line(inner) * wide; }
  __device__ static __forceinline__ int sums(int wide) { return up_to(wide - 4, 16) + 4; }
  __device__ static __forceinline__ I rounded(I x) { return Fragments<I>::rounded(x); }
};
template <> struct Lying<f16> : LyingForFragments<f16> {};
template <> struct Lying<bf16> : LyingForFragments<bf16> {};
template <> struct Lying<tf32> : LyingForFragments<tf32> {};

// Bring weights [start, start + length) of this block's columns into shared memory, with zeros around them. Never a call:
// what `weight` refers to would have to be in memory.
template <typename I, typename Weight>
__device__ __forceinline__ void fill_weights(I* at, int start, int length, int columns, Weight weight) {
  const int wide = up_to(columns, Lying<I>::across), deep = Lying<I>::deep(length);
  for (int i = threadIdx.x; i < deep * wide; i += blockDim.x) {
    const int k = i / wide, c = i % wide;
    at[Lying<I>::place(k, c, wide, length)] = k < length && c < columns ? Lying<I>::rounded(weight(start + k, c)) : I{};
  }
}

// Where buffers are at one of the team's heads: the weights of each lie behind those of the one before.
template <typename I, typename Kept>
__device__ __forceinline__ Places places_of_head(Places p, int head, int inner, int columns, const Kept&) {
  const int wide = up_to(columns, Lying<I>::across), there = inner - Kept::near(p, inner);
  if (p.weights >= 0 && there > 0) p.weights += head * up_to(Lying<I>::whole(wide, there) * (int)sizeof(I), 16);
  return p;
}

// Those that stay there for all steps: all k but those that registers hold.
template <typename I, typename Kept, typename Weight>
__device__ __forceinline__ void keep_weights(unsigned char* smem, Places p, int inner, int columns, const Kept&, Weight weight) {
  const int near = Kept::near(p, inner);
  if (p.weights >= 0) fill_weights((I*)(smem + p.weights), near, inner - near, columns, weight);
}

// Bring numbers [0, length) of each row into shared memory, in pieces as large as the rows' places in memory allow.
template <typename V, typename I>
__device__ __forceinline__ void copy_rows(I* to, int line, const I* from, long long stride, int rows, int length) {
  constexpr int step = sizeof(V) / sizeof(I);
  const int pieces = length / step;
#pragma unroll 4
  for (int i = threadIdx.x; i < rows * pieces; i += blockDim.x) {
    const int r = i / pieces, k = i % pieces * step;
    *(V*)(to + r * line + k) = *(const V*)(from + r * stride + k);
  }
}
struct __align__(16) Sixteen { unsigned x[4]; };
struct __align__(8) Eight { unsigned x[2]; };

// All numbers of these rows, with zeros behind them. Rows that fill them up stay what they are: nobody wants their sums.
template <typename I>
__device__ void fill_rows(I* to, const I* from, long long stride, int rows, int length) {
  const int deep = Lying<I>::deep(length), line = Lying<I>::line(length);
  const long long bytes = ((long long)from | stride * (long long)sizeof(I) | length * (long long)sizeof(I));
  if (bytes % 16 == 0) {
    const int pieces = length * (int)sizeof(I) / 16;
    for (int i = threadIdx.x; i < rows * pieces; i += blockDim.x) {
      const int r = i / pieces, k = i % pieces * (16 / (int)sizeof(I));
      cp_async16(to + r * line + k, from + r * stride + k);
    }
    cp_async_commit();
  } else if (bytes % 8 == 0) {
    copy_rows<Eight>(to, line, from, stride, rows, length);
  } else {
    copy_rows<I>(to, line, from, stride, rows, length);
  }
  if (deep > length) {
    for (int i = threadIdx.x; i < rows * (deep - length); i += blockDim.x)
      to[i / (deep - length) * line + length + i % (deep - length)] = I{};
  }
  cp_async_wait<0>();
}

// What one chunk of k adds to the sums: a thread has TALL rows by four columns, over its part of the chunk. Rows of the
// left operand are `line` apart.
template <int TALL, typename N>
__device__ void add_part(
    N* sums, bool first, int splits, int tall, int wide, int line, int length, const N* lefts, const N* weights) {
  const int across = wide / 4, tiles = tall / TALL * across;
  const int threads = blockDim.x / splits, split = threadIdx.x / threads;
  const int part = (length + splits - 1) / splits, from = split * part;
  const int to = from + part < length ? from + part : length;
  if (split >= splits) return;
  for (int tile = threadIdx.x % threads; tile < tiles; tile += threads) {
    const int row = tile / across * TALL, column = tile % across * 4;
    const N* const a = lefts + row * line;
    const N* const b = weights + column;
    N* const at = sums + (split * tall + row) * wide + column;
    N total[TALL][4];
#pragma unroll
    for (int r = 0; r < TALL; ++r) {
#pragma unroll
      for (int c = 0; c < 4; ++c) total[r][c] = first ? N(0) : at[r * wide + c];
    }
#pragma unroll 4
    for (int k = from; k < to; ++k) {
#pragma unroll
      for (int r = 0; r < TALL; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) total[r][c] = fma_(a[r * line + k], b[k * wide + c], total[r][c]);
      }
    }
#pragma unroll
    for (int r = 0; r < TALL; ++r) {
#pragma unroll
      for (int c = 0; c < 4; ++c) at[r * wide + c] = total[r][c];
    }
  }
}

// Fragments as a lane holds them: of 16 columns of weights, whose lines of k are `down` apart, where `there` are that
// many; of eight rows of a left operand, from where `lane_of_rows` says; and where their sums go.
template <typename I>
__device__ __forceinline__ void columns_at(unsigned (&held)[4], const I* weights, int down, int there) {
  const I* const at = weights + threadIdx.x % 32 / 4 * down + threadIdx.x % 4 * 2 * Fragments<I>::each;
  const bool both = there > 8;  // a column's line stands there or not with those of its eight
  const TwoRegisters left = *(const TwoRegisters*)at;
  const TwoRegisters right = both ? *(const TwoRegisters*)(at + 8 * down) : TwoRegisters{};
  held[0] = left.x[0];
  held[1] = right.x[0];
  held[2] = left.x[1];
  held[3] = right.x[1];
}
template <typename I> __device__ __forceinline__ void rows_at(unsigned (&held)[2], const I* at) {
  const TwoRegisters found = Fragments<I>::rows(*(const TwoRegisters*)at);
  held[0] = found.x[0];
  held[1] = found.x[1];
}
// The first numbers of a lane in the operand's rows from `row` on, of which there are `rows`; behind them it has any.
template <typename I, typename L>
__device__ __forceinline__ const I* lane_of_rows(const I* lefts, L line, int row, int rows) {
  const int own = row + threadIdx.x % 32 / 4;
  return lefts + (own < rows ? own : rows - 1) * line + threadIdx.x % 4 * 2 * Fragments<I>::each;
}
__device__ __forceinline__ void put_sums(float* sums, bool first, int line, int there, const float (&total)[4]) {
  float* const at = sums + threadIdx.x % 4 * 2 * line + threadIdx.x % 32 / 4;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    float* const sum = at + i % 2 * line + i / 2 * 8;
    if (i / 2 * 8 < there) *sum = first ? total[i] : *sum + total[i];
  }
}

// The same by fragments: a warp has up to 32 columns by TALL rows, 8 or 16. `inner` is what the weights' lines
// are for.
template <int TALL, typename I>
__device__ void add_fragments(
    float* sums, bool first, int splits, int tall, int wide, int line, int length, const I* lefts, const I* weights,
    int inner) {
  constexpr int TILES = TALL / 8;
  const int down = Lying<I>::line(inner), steps = Lying<I>::deep(length) / Fragments<I>::deep;
  const int groups = (wide + 31) / 32, units = tall / TALL * groups, warps = blockDim.x / 32 / splits;
  const int split = threadIdx.x / 32 / warps, part = (steps + splits - 1) / splits;
  const int from = split * part, to = from + part < steps ? from + part : steps;
  if (split >= splits) return;
  for (int unit = threadIdx.x / 32 % warps; unit < units; unit += warps) {
    const int row = unit / groups * TALL, column = unit % groups * 32, there = wide - column;
    const I* const a = weights + column * down;
    const I* b[TILES];
#pragma unroll
    for (int t = 0; t < TILES; ++t) b[t] = lane_of_rows(lefts, line, row + t * 8, tall);
    float total[2][TILES][4] = {};
#pragma unroll 4
    for (int step = from; step < to; ++step) {
      const int k = step * Fragments<I>::deep;
      unsigned fb[TILES][2];
#pragma unroll
      for (int t = 0; t < TILES; ++t) rows_at(fb[t], b[t] + k);
#pragma unroll
      for (int f = 0; f < 2; ++f) {
        if (f * 16 >= there) continue;
        unsigned fa[4];
        columns_at(fa, a + f * 16 * down + k, down, there - f * 16);
#pragma unroll
        for (int t = 0; t < TILES; ++t) Fragments<I>::add(total[f][t], fa, fb[t]);
      }
    }
    float* const at = sums + (split * tall + row) * Lying<I>::sums(wide) + column;
#pragma unroll
    for (int f = 0; f < 2; ++f) {
#pragma unroll
      for (int t = 0; t < TILES; ++t) put_sums(at + t * 8 * Lying<I>::sums(wide) + f * 16, first, Lying<I>::sums(wide), there - f * 16, total[f][t]);
    }
  }
}

template <typename I> struct Adding {
  __device__ static __forceinline__ void chunk(
      I* sums, bool first, int splits, int tall, int wide, int line, int length, const I* lefts, const I* weights, int) {
    if (tall < 4) add_part<1>(sums, first, splits, tall, wide, line, length, lefts, weights);
    else add_part<4>(sums, first, splits, tall, wide, line, length, lefts, weights);
  }
};
template <typename I> struct AddingFragments {
  __device__ static __forceinline__ void chunk(
      float* sums, bool first, int splits, int tall, int wide, int line, int length, const I* lefts, const I* weights,
      int inner) {
    if (tall < 16) add_fragments<8>(sums, first, splits, tall, wide, line, length, lefts, weights, inner);
    else add_fragments<16>(sums, first, splits, tall, wide, line, length, lefts, weights, inner);
  }
};
template <> struct Adding<f16> : AddingFragments<f16> {};
template <> struct Adding<bf16> : AddingFragments<bf16> {};
template <> struct Adding<tf32> : AddingFragments<tf32> {};

// sums[row, column] = left[row, k] weight(k, column), by all threads of a block; operands come through shared memory,
// `chunk` of k at a time, but for weights that are `kept` in registers, and for a left one that is there, or whose few
// rows every lane takes from memory itself.
template <typename I, typename N, typename Kept, typename Weight>
__device__ Sums<N> multiply(
    unsigned char* smem, Places p, int rows, int inner, int columns, Left<I> left, const Kept& kept, int head,
    Weight weight) {
  N* const sums = (N*)(smem + p.sums);
  const int wide = up_to(columns, Lying<I>::across), tall = Lying<I>::tall(rows), near = Kept::near(p, inner);
  const int across = Lying<I>::sums(wide);
  if constexpr (Kept::alone) {
    if (left.near < 0 && p.chunk >= inner && kept.reaches(left, tall, inner)) {
      kept.take(sums, p, tall, wide, inner, left, rows, head);
      return {sums, p.splits, tall * across, across};
    }
  }
  for (int start = 0; start < inner; start += p.chunk) {
    const int length = inner - start < p.chunk ? inner - start : p.chunk;
    I* const lefts = (I*)(smem + (left.near < 0 ? p.left : left.near)) + (left.near < 0 ? 0 : start);
    const int line = left.near < 0 ? Lying<I>::line(length) : (int)left.stride;
    const int held = !Kept::rest ? length : near <= start ? 0 : near - start < length ? near - start : length;
    const int after = start + held, rest = length - held;  // where the weights in shared memory begin
    const I* weights = (const I*)(smem + p.weights) + Lying<I>::place(after - near, 0, wide, inner - near);
    const bool staged = left.near < 0 || (Kept::staged && p.weights < 0) || start > 0;
    if (staged) __syncthreads();  // nobody reads the last ones any more, or adds to the sums
    if (Kept::staged && p.weights < 0) {
      I* const stage = (I*)(smem + p.stage);
      fill_weights(stage, after, rest, columns, weight);
      weights = stage;
    }
    if (left.near < 0) fill_rows(lefts, left.at + start, left.stride, rows, length);
    if (staged) __syncthreads();
    if (held > 0) kept.chunk(sums, start == 0, p, tall, wide, inner, line, lefts, start / p.chunk, head);
    if (held > 0 && rest > 0) __syncthreads();
    const int lines = Kept::staged && p.weights < 0 ? rest : inner - near;
    if (Kept::rest && rest > 0) Adding<I>::chunk(sums, after == 0, p.splits, tall, wide, line, rest, lefts + held, weights, lines);
  }
  return {sums, p.splits, tall * across, across};
}

// Products of matrices whose operands are computed where they are read: the windows of an image, which nobody writes
// down. A block has 128 rows by 64 columns of the result; parts of both operands take turns in its shared memory.

constexpr int TILE_ROWS = 128, TILE_COLUMNS = 64, TILE_THREADS = 256;

// Four numbers that lie side by side, and are read at once.
template <typename N> struct alignas(16) Four {
  N x[4];
};

// Full numbers: both operands lie by k, a thread adds up eight rows by four columns.
template <typename I> struct Tile {
  typedef I Number;
  static constexpr int deep = 64 / (int)sizeof(I), down = TILE_ROWS + 4, right_down = TILE_COLUMNS + 4;
  static constexpr int lefts = deep * down, all = lefts + deep * right_down;  // in numbers

  I total[8][4];

  __device__ static __forceinline__ int left(int row, int k) { return k * down + row; }
  __device__ static __forceinline__ int right(int column, int k) { return lefts + k * right_down + column; }
  __device__ static __forceinline__ int first_row() { return threadIdx.x / 16 * 8; }
  __device__ static __forceinline__ int first_column() { return threadIdx.x % 16 * 4; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int r = 0; r < 8; ++r) {
#pragma unroll
      for (int c = 0; c < 4; ++c) total[r][c] = I(0);
    }
  }
  __device__ __forceinline__ void add(const I* at, long long rows, long long columns) {
    if (first_row() >= rows || first_column() >= columns) return;
#pragma unroll
    for (int k = 0; k < deep; ++k) {
      const Four<I> above = *(const Four<I>*)(at + left(first_row(), k));
      const Four<I> below = *(const Four<I>*)(at + left(first_row() + 4, k));
      const Four<I> across = *(const Four<I>*)(at + right(first_column(), k));
#pragma unroll
      for (int r = 0; r < 4; ++r) {
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          total[r][c] = fma_(above.x[r], across.x[c], total[r][c]);
          total[r + 4][c] = fma_(below.x[r], across.x[c], total[r + 4][c]);
        }
      }
    }
  }
  template <typename Put> __device__ __forceinline__ void give(Put put) {
#pragma unroll
    for (int r = 0; r < 8; ++r) {
#pragma unroll
      for (int c = 0; c < 4; ++c) put(first_row() + r, first_column() + c, total[r][c]);
    }
  }
};

// Halves: both operands lie by rows and columns, k without gaps; a warp has 32 rows by 32 columns, as fragments.
template <typename I> struct TileOfHalves {
  typedef float Number;
  static constexpr int deep = 16, line = deep + 8;  // longer than it must be, so that lanes meet different banks
  static constexpr int lefts = TILE_ROWS * line, all = lefts + TILE_COLUMNS * line;

  float total[2][4][4];

  __device__ static __forceinline__ int left(int row, int k) { return row * line + k; }
  __device__ static __forceinline__ int right(int column, int k) { return lefts + column * line + k; }
  __device__ static __forceinline__ int first_row() { return threadIdx.x / 64 * 32; }
  __device__ static __forceinline__ int first_column() { return threadIdx.x / 32 % 2 * 32; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < 32; ++i) total[i / 16][i / 4 % 4][i % 4] = 0.0f;
  }
  __device__ __forceinline__ void add(const I* at, long long rows, long long columns) {
    if (first_row() >= rows || first_column() >= columns) return;
    const int lane = threadIdx.x % 32, k = lane % 4 * 2;
    unsigned across[4][2];
#pragma unroll
    for (int g = 0; g < 4; ++g) {
      const I* const b = at + right(first_column() + g * 8 + lane / 4, k);
      across[g][0] = pair_at(b);
      across[g][1] = pair_at(b + 8);
    }
#pragma unroll
    for (int f = 0; f < 2; ++f) {
      const I* const a = at + left(first_row() + f * 16 + lane / 4, k);
      const unsigned above[4] = {pair_at(a), pair_at(a + 8 * line), pair_at(a + 8), pair_at(a + 8 * line + 8)};
#pragma unroll
      for (int g = 0; g < 4; ++g) mma_m16n8k16<I>(total[f][g], above, across[g]);
    }
  }
  template <typename Put> __device__ __forceinline__ void give(Put put) {
    const int row = first_row() + threadIdx.x % 32 / 4, column = first_column() + threadIdx.x % 4 * 2;
#pragma unroll
    for (int i = 0; i < 32; ++i)
      put(row + i / 16 * 16 + i / 2 % 2 * 8, column + i / 4 % 4 * 8 + i % 2, total[i / 16][i / 4 % 4][i % 4]);
  }
};
template <> struct Tile<f16> : TileOfHalves<f16> {};
template <> struct Tile<bf16> : TileOfHalves<bf16> {};

// The next numbers of a line of an operand, from k on; zeros from `end` on. `line(k)` gives what gives one after the
// other.
template <int COUNT, typename I, typename Line>
__device__ __forceinline__ void fetch(I (&found)[COUNT], const Line& line, long long k, long long end) {
  auto next = line(k);
#pragma unroll
  for (int n = 0; n < COUNT; ++n) found[n] = k + n < end ? next() : I{};
}

// put(part, stack, row, column, sum over k of left[stack, row, k] right[stack, column, k]) for every element of a
// result; each of `parts` has its share of k. `left(stack, row)` and `right(stack, column)` are lines.
template <typename I, typename Left, typename Right, typename Put>
__device__ void multiply_tiles(
    unsigned char* smem, long long stacks, long long rows, long long summed, long long columns, int parts, Left left,
    Right right, Put put) {
  typedef typename Tile<I>::Number N;
  constexpr int deep = Tile<I>::deep;
  constexpr int many = deep * TILE_ROWS / TILE_THREADS, few = deep * TILE_COLUMNS / TILE_THREADS;
  const int row = threadIdx.x % TILE_ROWS, at_row = threadIdx.x / TILE_ROWS * many;
  const int column = threadIdx.x % TILE_COLUMNS, at_column = threadIdx.x / TILE_COLUMNS * few;
  const long long tall = (rows + TILE_ROWS - 1) / TILE_ROWS, wide = (columns + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const long long share = (summed + parts - 1) / parts;
  I* const buffers = (I*)smem;

  for (long long number = blockIdx.x; number < stacks * tall * wide * parts; number += gridDim.x) {
    const long long first_column = number % wide * TILE_COLUMNS, first_row = number / wide % tall * TILE_ROWS;
    const long long stack = number / wide / tall % stacks, part = number / wide / tall / stacks;
    const long long start = part * share, end = start + share < summed ? start + share : summed;
    // Lines past the last one are those of the last one: nobody wants their sums.
    const auto above = left(stack, first_row + row < rows ? first_row + row : rows - 1);
    const auto across = right(stack, first_column + column < columns ? first_column + column : columns - 1);
    I lefts[many], rights[few];
    Tile<I> tile;
    tile.clear();
    I* at = buffers;
    for (long long k = start - deep; k < end; k += deep) {
      const bool more = k + deep < end;
      if (more) {  // on their way while the last ones are multiplied
        fetch(lefts, above, k + deep + at_row, end);
        fetch(rights, across, k + deep + at_column, end);
      }
      if (k >= start) tile.add(at, rows - first_row, columns - first_column);
      if (more) {
        at = at == buffers ? buffers + Tile<I>::all : buffers;
#pragma unroll
        for (int n = 0; n < many; ++n) at[Tile<I>::left(row, at_row + n)] = lefts[n];
#pragma unroll
        for (int n = 0; n < few; ++n) at[Tile<I>::right(column, at_column + n)] = rights[n];
      }
      __syncthreads();
    }
    tile.give([&](int r, int c, N sum) {
      if (first_row + r < rows && first_column + c < columns) put(part, stack, first_row + r, first_column + c, sum);
    });
  }
}

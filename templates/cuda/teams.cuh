// Loops on the device: teams of blocks that share rows of the batch, and products of which every block has its columns.
//
// A team owns rows of the batch for the whole sequence, and its blocks share the features of every value. Between the
// parts of a step all threads of a team meet where one reads what another one has written.

struct Team {
  int blocks, rank, rows;  // of the team; this block's number in it
  long long first;         // the team's first row of the batch
  unsigned* counter;
  unsigned target;

  __device__ __forceinline__ Team(int blocks, int rows, long long batch, unsigned* counters)
      : blocks(blocks), rank(blockIdx.x % blocks), first(blockIdx.x / blocks * (long long)rows),
        counter(counters + blockIdx.x / blocks * 32), target(0) {
    this->rows = batch - first < rows ? (int)(batch - first) : rows;
  }
  __device__ __forceinline__ void meet() {
    if (blocks == 1) __syncthreads();
    else grid_barrier(counter, blocks, &target);
  }
};

// The features of one block: `share` is what it may have at most, `own` what it has, from `first` on.
struct Share {
  int share, own;
  long long first;

  __device__ __forceinline__ Share(const Team& team, long long features) {
    share = (int)((features + team.blocks - 1) / team.blocks);
    first = team.rank * (long long)share;
    own = (int)within_(features - first, share);
  }
};

template <typename P> __device__ __forceinline__ void swap_(P*& a, P*& b) {
  P* const kept = a;
  a = b;
  b = kept;
}

// Where one product has its buffers, in bytes of the block's shared memory. `weights` is -1 where they do not stay there.
struct Places {
  int weights, sums, splits, left, stage, chunk;
};

// The elements of a product: `splits` partial sums for each, always added in the same order.
template <typename N> struct Sums {
  const N* at;
  int splits, stride, wide;

  __device__ __forceinline__ N operator()(int row, int column) const {
    N total = at[row * wide + column];
    for (int s = 1; s < splits; ++s) total += at[s * stride + row * wide + column];
    return total;
  }
};

__device__ __forceinline__ int up_to(int n, int step) { return (n + step - 1) / step * step; }

// Bring the weights of this block's columns into shared memory, where they stay for all steps.
template <typename N, typename Weight>
__device__ void keep_weights(unsigned char* smem, Places p, int inner, int columns, Weight weight) {
  if (p.weights < 0) return;
  N* const at = (N*)(smem + p.weights);
  const int wide = up_to(columns, 4);
  for (int i = threadIdx.x; i < inner * wide; i += blockDim.x) {
    const int k = i / wide, c = i % wide;
    at[i] = c < columns ? weight(k, c) : N(0);
  }
}

// What one chunk of k adds to the sums: a thread has TALL rows by four columns, over its part of the chunk.
template <int TALL, typename N>
__device__ void add_chunk(
    N* sums, bool first, int splits, int tall, int wide, int length, const N* lefts, int line, const N* weights) {
  const int across = wide / 4, tiles = tall / TALL * across, threads = blockDim.x / splits;
  const int split = threadIdx.x / threads, part = (length + splits - 1) / splits, from = split * part;
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
        for (int c = 0; c < 4; ++c) total[r][c] += a[r * line + k] * b[k * wide + c];
      }
    }
#pragma unroll
    for (int r = 0; r < TALL; ++r) {
#pragma unroll
      for (int c = 0; c < 4; ++c) at[r * wide + c] = total[r][c];
    }
  }
}

// sums[row, column] = left(row, k) weight(k, column), by all threads of a block; operands come through shared memory,
// `chunk` of k at a time.
template <typename N, typename Left, typename Weight>
__device__ Sums<N> multiply(unsigned char* smem, Places p, int rows, int inner, int columns, Left left, Weight weight) {
  N* const sums = (N*)(smem + p.sums);
  N* const lefts = (N*)(smem + p.left);
  const int wide = up_to(columns, 4), tall = rows < 4 ? rows : up_to(rows, 4), line = p.chunk + 1;
  for (int start = 0; start < inner; start += p.chunk) {
    const int length = inner - start < p.chunk ? inner - start : p.chunk;
    const N* weights = (const N*)(smem + p.weights) + start * wide;
    __syncthreads();  // nobody reads the last ones any more
    for (int i = threadIdx.x; i < tall * length; i += blockDim.x) {
      const int r = i / length, k = i % length;
      lefts[r * line + k] = r < rows ? left(r, start + k) : N(0);
    }
    if (p.weights < 0) {
      N* const stage = (N*)(smem + p.stage);
      for (int i = threadIdx.x; i < length * wide; i += blockDim.x) {
        const int k = i / wide, c = i % wide;
        stage[i] = c < columns ? weight(start + k, c) : N(0);
      }
      weights = stage;
    }
    __syncthreads();
    if (rows < 4) add_chunk<1>(sums, start == 0, p.splits, tall, wide, length, lefts, line, weights);
    else add_chunk<4>(sums, start == 0, p.splits, tall, wide, length, lefts, line, weights);
  }
  return {sums, p.splits, tall * wide, wide};
}

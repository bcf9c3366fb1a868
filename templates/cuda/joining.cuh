// Numbers that are made of many others, by threads of a team together.

// The threads that make such a number: a warp or, where it is made of as many as a block has threads, a whole block, so
// that each reads few. What has no features is shared by all blocks of a team.
struct Joining {
  int count, lane;          // how many threads there are, and which one this is
  long long first, stride;  // the first number that they make, and how far it is to their next one
  unsigned char* smem;      // where warps leave their parts

  // `parts`: of how many each number is made.
  __device__ __forceinline__ Joining(const Team& team, unsigned char* smem, long long parts)
      : count(parts < blockDim.x ? 32 : blockDim.x), lane(threadIdx.x % count), smem(smem) {
    const int groups = blockDim.x / count;
    stride = (long long)team.blocks * groups;
    first = (long long)team.rank * groups + threadIdx.x / count;
  }
  template <typename X> __device__ __forceinline__ X sum(X x) const {
    return all(warp_sum(x), [](X a, X b) { return a + b; });
  }
  template <typename X> __device__ __forceinline__ X prod(X x) const {
    return all(warp_prod(x), [](X a, X b) { return a * b; });
  }
  template <typename X> __device__ __forceinline__ X max(X x) const {
    return all(warp_max(x), [](X a, X b) { return a > b || a != a ? a : b; });
  }
  template <typename X> __device__ __forceinline__ X min(X x) const {
    return all(warp_min(x), [](X a, X b) { return a < b || a != a ? a : b; });
  }
  // What all warps have found, in the same order every time.
  template <typename X, typename Join> __device__ __forceinline__ X all(X x, Join join) const {
    if (count == 32) return x;
    X* const parts = (X*)smem;
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
    __syncthreads();
    x = parts[0];
    for (int i = 1; i < count / 32; ++i) x = join(x, parts[i]);
    __syncthreads();
    return x;
  }
  // Behind the last number: these threads see what each of them has written.
  __device__ __forceinline__ void settle() const {
    if (count == 32) __syncwarp();
    else __syncthreads();
  }
};

// Values that have no features, of a team's rows and heads, which every block makes for itself: each of the team's blocks
// joins what it has of the features, all read these parts when they have met, and keep what they join them to.
struct Totals {
  real* parts;         // those of the team
  unsigned char* smem;
  int at, line;        // in bytes: where the values begin, and how far it is from one to the next
  int count, blocks, rank;
  int numbers;         // that a value has at most

  __device__ __forceinline__ Totals(
      const Team& team, unsigned char* smem, int at, real* all, int count, long long numbers)
      : parts(all + blockIdx.x / team.blocks * 2 * count * team.blocks * numbers), smem(smem), at(at),
        line(up_to((int)numbers * (int)sizeof(real), 16)), count(count), blocks(team.blocks), rank(team.rank),
        numbers((int)numbers) {}
  // The parts of a number of a value, of all blocks; those of the next step are others.
  __device__ __forceinline__ real* parts_of(int value, long long step, long long number) const {
    return parts + (step % 2 * count + value) * blocks * numbers + number;
  }
  // Of such parts the one of a block; each has room for a real.
  template <typename N> __device__ __forceinline__ N part(const real* parts, int block) const {
    return *(const N*)(parts + block * numbers);
  }
  // The part of this block.
  template <typename N> __device__ __forceinline__ N& own(int value, long long step, long long number) const {
    return *(N*)(parts_of(value, step, number) + rank * numbers);
  }
  template <typename N> __device__ __forceinline__ N* whole(int value) const { return (N*)(smem + at + value * line); }
  template <typename N> __device__ __forceinline__ N get(int value, long long number) const {
    return *in_shared(whole<N>(value) + number);
  }
  template <typename N> __device__ __forceinline__ void put(int value, long long number, N x) const {
    whole<N>(value)[number] = x;
  }
};

// About the mean of a block's own features, from its `part` of the mean of all.
__device__ __forceinline__ real near_mean(real part, const Share& share, long long features, int block) {
  const int own = share.of(block, features);
  return part * (real)features / (real)(own > 0 ? own : 1);
}
// What a block's squares around that lack of those around the mean of all; `rest` is what its features are more than that,
// together.
__device__ __forceinline__ real apart(
    real part, real rest, real mean, const Share& share, long long features, int block) {
  const real far = near_mean(part, share, features, block) - mean;
  return 2 * far * rest + (real)share.of(block, features) * far * far;
}

// The threads of a block that join parts of such a number: a warp, where that takes less time than as many threads as
// there are numbers. Those of several values are made at the same time, by other threads.
struct Parting {
  int count, lane;
  long long first, stride;

  // Of `values`, each of so many `numbers`, this is the one behind `turn` others.
  __device__ __forceinline__ Parting(long long parts, long long numbers, int values, int turn) {
    const int warps = blockDim.x / 32;
    const long long rounds = (numbers * values + warps - 1) / warps;
    count = rounds * (parts / 32 + 28) < parts ? 32 : 1;  // a warp takes as long as a thread for 28 parts
    lane = threadIdx.x % count;
    stride = blockDim.x / count;
    const long long line = (numbers + 32 / count - 1) / (32 / count) * (32 / count);
    first = (threadIdx.x / count + stride - turn * line % stride) % stride;
  }
  template <typename X> __device__ __forceinline__ X sum(X x) const { return count == 1 ? x : warp_sum(x); }
  template <typename X> __device__ __forceinline__ X prod(X x) const { return count == 1 ? x : warp_prod(x); }
  template <typename X> __device__ __forceinline__ X max(X x) const { return count == 1 ? x : warp_max(x); }
  template <typename X> __device__ __forceinline__ X min(X x) const { return count == 1 ? x : warp_min(x); }
};

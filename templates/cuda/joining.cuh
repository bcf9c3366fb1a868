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

// A value that has no features, of a team's rows and heads, which every block makes for itself: each of the team's blocks
// joins what it has of the features, all read these parts when they have met, and keep what they join them to.
template <typename N> struct Total {
  static constexpr int gap = sizeof(real) / sizeof(N);  // parts have room for a real
  N *parts, *whole;             // those of the team, and the value in shared memory
  int values, which, blocks, rank;  // how many such values there are, and which one this is
  long long numbers;            // that it has at most

  __device__ __forceinline__ Total(
      const Team& team, unsigned char* smem, int at, real* all, int values, int which, long long numbers)
      : parts((N*)(all + blockIdx.x / team.blocks * 2 * values * team.blocks * numbers)),
        whole((N*)(smem + at + which * up_to((int)numbers * (int)sizeof(real), 16))), values(values), which(which),
        blocks(team.blocks), rank(team.rank), numbers(numbers) {}
  // The part that a block has of a number; those of the next step are others.
  __device__ __forceinline__ N& part(long long step, int block, long long number) const {
    return parts[(((step % 2 * values + which) * blocks + block) * numbers + number) * gap];
  }
  __device__ __forceinline__ N operator()(long long number) const { return *in_shared(whole + number); }
  // Of a mean: by how much a block's squares around its own mean are less than those around the mean of all.
  __device__ __forceinline__ N apart(
      const Share& share, long long features, long long step, int block, long long number) const {
    const N own = (N)share.of(block, features);
    const N far = part(step, block, number) * (N)features / (own > 0 ? own : 1) - (*this)(number);
    return own * far * far;
  }
};

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

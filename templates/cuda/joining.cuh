// Numbers that are made of many others, by threads of a team together.

// The threads that make such a number: a warp or, where it is made of as many as a block has threads, a whole block, so
// that each reads few. What has no features is shared by all blocks of a team: the numbers of one value go to one after
// the other, and those of the next value, which do not wait for them, to the blocks behind.
struct Joining {
  int count, lane;          // how many threads there are, and which one this is
  long long first, stride;  // the first number that they make, and how far it is to their next one
  unsigned char* smem;      // where warps leave their parts

  // `parts`: of how many each of so many `numbers` is made; `turn`: how many values the blocks behind have before.
  __device__ __forceinline__ Joining(
      const Team& team, unsigned char* smem, long long parts, long long numbers, int turn)
      : count(parts < blockDim.x ? 32 : blockDim.x), lane(threadIdx.x % count), smem(smem) {
    const int groups = blockDim.x / count;
    stride = (long long)team.blocks * groups;
    first = ((long long)team.rank * groups + threadIdx.x / count + stride - turn * numbers % stride) % stride;
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

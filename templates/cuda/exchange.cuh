// What the threads of a team see of one another's numbers: an array in memory or, where the team is a block or a cluster
// and has room, a copy of its part of the array in the shared memory of every block. Who writes a number writes it into
// all copies, so that readers wait for nothing but the meeting; they read their own.

// A pair of arrays that change places after every step, so that one meeting serves for both: `turned` says which is
// meant. Addresses are chosen where they are used, since registers are few.
template <typename V> struct Seen {
  unsigned char* smem;
  V *even, *odd;             // the arrays
  int near_even, near_odd;   // bytes of shared memory where their copies begin (-1: there are none)
  int blocks, rank;          // how many copies there are, and whose this is
  int down;                  // numbers from row to row of a copy
  unsigned row_gap, head_gap, origin;  // from the place in an array to that in a copy: modulo 2^32, which is enough

  // `heads` of the array, and `features` of each. In a copy every head begins as lines of products do.
  __device__ __forceinline__ Seen(
      const Team& team, unsigned char* smem, int near_even, int near_odd, V* even, V* odd, long long heads,
      long long features)
      : smem(smem), even(even), odd(odd), near_even(near_even), near_odd(near_odd), blocks(team.blocks),
        rank(team.rank) {
    const int across = Lying<V>::line((int)features);
    down = team.heads * across;
    row_gap = (unsigned)(heads * features) - down;
    head_gap = (unsigned)features - across;
    origin = (unsigned)team.first * down + (unsigned)team.first_head * across;
  }
  // Where the copy has a place of the array, which is in that row and head.
  __device__ __forceinline__ int place(long long row, long long head, long long n) const {
    return (int)((unsigned)n - (unsigned)row * row_gap - (unsigned)head * head_gap - origin);
  }
  __device__ __forceinline__ bool copied() const { return near_even >= 0; }
  __device__ __forceinline__ V* whole(bool turned) const { return turned ? odd : even; }
  __device__ __forceinline__ V* copy(bool turned) const { return (V*)(smem + (turned ? near_odd : near_even)); }
  __device__ __forceinline__ V get(bool turned, long long row, long long head, long long n) const {
    return copied() ? copy(turned)[place(row, head, n)] : whole(turned)[n];
  }
  __device__ __forceinline__ void put(bool turned, long long row, long long head, long long n, V x) const {
    if (!copied()) {
      whole(turned)[n] = x;
      return;
    }
    V* const at = copy(turned) + place(row, head, n);
    *at = x;
    for (int i = 1; i < blocks; ++i) st_cluster(at, rank + i < blocks ? rank + i : rank + i - blocks, x);  // not all to one
  }
  // The operand of a product from place `n` on, the first one of a row's head.
  __device__ __forceinline__ Left<V> left(bool turned, long long row, long long head, long long n) const {
    if (!copied()) return {whole(turned) + n, (long long)(row_gap + down), -1};
    return {nullptr, down, (turned ? near_odd : near_even) + place(row, head, n) * (int)sizeof(V)};
  }
  // Every block fetches what there is before the first step; behind the last one, the blocks bring it back together.
  __device__ __forceinline__ void fetch(const Team& team, int rows) const {
    if (copied()) move(false, team, rows, threadIdx.x, blockDim.x, [&](V& here, V& there) { here = there; });
  }
  __device__ __forceinline__ void leave(bool turned, const Team& team, int rows) const {
    const int first = rank * blockDim.x + threadIdx.x;
    if (copied()) move(turned, team, rows, first, blocks * blockDim.x, [&](V& here, V& there) { there = here; });
  }
  template <typename Move>
  __device__ __forceinline__ void move(
      bool turned, const Team& team, int rows, int first, int step, Move each) const {
    const int count = (int)head_gap + down / team.heads;
    for (int i = first; i < rows * team.heads * count; i += step) {
      const long long row = team.first + i / (team.heads * count), head = team.first_head + i / count % team.heads;
      const long long n = row * (long long)(row_gap + down) + head * count + i % count;
      each(copy(turned)[place(row, head, n)], whole(turned)[n]);
    }
  }
};

// Copies begin as zeros: lines are longer than rows, and what lies behind them is multiplied with zeros.
__device__ __forceinline__ void clear_copies(unsigned char* smem, int from, int end) {
  for (int i = from / 4 + threadIdx.x; i < end / 4; i += blockDim.x) ((unsigned*)smem)[i] = 0;
  __syncthreads();
}

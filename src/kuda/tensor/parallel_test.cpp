#include "kuda/tensor/parallel.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kuda {
namespace {

class ForAll : public ::testing::Test {
 protected:
  void SetUp() override { torch::set_num_threads(2); }
  void TearDown() override { torch::set_num_threads(before_); }
  int before_ = torch::get_num_threads();
};

TEST_F(ForAll, DoesEachOnceOnTheThreadsOfLibTorch) {
  for (const std::int64_t count : {0, 1, 2, 7, 1000}) {
    std::vector<int> done(std::size_t(count), 0);
    std::set<std::thread::id> threads;
    std::mutex mutex;
    for_all(count, [&](std::int64_t first, std::int64_t last) {
      EXPECT_EQ(at::in_parallel_region(), count > 1) << "products in here would start threads of their own";
      for (auto i = first; i < last; ++i) ++done[std::size_t(i)];
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
    });
    EXPECT_EQ(done, std::vector<int>(std::size_t(count), 1));
    EXPECT_EQ(threads.size(), std::size_t(std::min<std::int64_t>(count, 2)));
  }
}

TEST_F(ForAll, IsALoopWithinALoopAndWithOneThread) {
  for_all(2, [&](std::int64_t, std::int64_t) {
    int parts = 0;
    for_all(10, [&](std::int64_t first, std::int64_t last) { parts += first == 0 && last == 10 ? 1 : 100; });
    EXPECT_EQ(parts, 1);
  });
  torch::set_num_threads(1);
  for_all(10, [&](std::int64_t first, std::int64_t last) { EXPECT_EQ(last - first, 10); });
}

TEST_F(ForAll, ThrowsWhatAPartThrows) {
  const auto fail = [](std::int64_t, std::int64_t last) {
    if (last == 8) throw std::runtime_error("the last part");
  };
  EXPECT_THROW(for_all(8, fail), std::runtime_error);
}

}  // namespace
}  // namespace kuda

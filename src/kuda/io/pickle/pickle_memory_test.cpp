// Reading a pickle takes at most 1.3 times the bytes of its arrays beyond the file itself. Measured by counting what
// operator new hands out, so the figure is the same on every run.

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "kuda/io/pickle/test_pickle.h"

namespace {

std::atomic<std::size_t> live{0}, peak{0};

void* counted(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  const std::size_t now = live += malloc_usable_size(memory);
  if (now > peak) peak = now;
  return memory;
}

void uncounted(void* memory) {
  if (memory == nullptr) return;
  live -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { uncounted(memory); }
void operator delete[](void* memory) noexcept { uncounted(memory); }
void operator delete(void* memory, std::size_t) noexcept { uncounted(memory); }
void operator delete[](void* memory, std::size_t) noexcept { uncounted(memory); }

namespace kuda::io {
namespace {

constexpr std::size_t kItems = 1 << 20;  // of float64: 8 MB

std::string array_bytes() {
  std::string bytes(kItems * 8, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  return bytes;
}

/// Memory at its peak while the pickle is read, over the bytes of its array.
double peak_ratio(const std::string& pickle) {
  const std::shared_ptr<const void> nobody;
  const std::size_t before = live;
  peak = before;
  const Value root = read_pickle(std::as_bytes(std::span(pickle)), nobody, "x.pkl");
  EXPECT_EQ(root.array().numel(), static_cast<std::int64_t>(kItems));
  return static_cast<double>(peak - before) / static_cast<double>(kItems * 8);
}

std::string pickle_of(char order, const std::string& data) {
  return std::string("\x80\x02") + test::array(test::dtype("f8", order), kItems, data) + ".";
}

TEST(PickleMemory, RawArraysAreNotCopied) {
  EXPECT_LT(peak_ratio(pickle_of('<', test::binbytes(array_bytes()))), 0.01);
}

TEST(PickleMemory, Latin1ArraysAreDecodedOnce) {
  const double ratio = peak_ratio(pickle_of('<', test::latin1(array_bytes())));
  EXPECT_GT(ratio, 0.99);
  EXPECT_LT(ratio, 1.01);
}

TEST(PickleMemory, BigEndianArraysAreCopiedOnce) {
  EXPECT_LT(peak_ratio(pickle_of('>', test::binbytes(array_bytes()))), 1.01);
  EXPECT_LT(peak_ratio(pickle_of('>', test::latin1(array_bytes()))), 1.01);
}

}  // namespace
}  // namespace kuda::io

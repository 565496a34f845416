#include "kuda/io/packed_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "kuda/base/error.h"

namespace kuda {
namespace {

std::size_t bytes_of(const PackedSpec& spec) {
  std::size_t bytes = io::item_size(spec.dtype);
  for (const auto size : spec.shape) bytes *= static_cast<std::size_t>(size);
  return bytes;
}

std::string type_name(io::DType dtype) {
  switch (dtype) {
    case io::DType::f32:
      return "F32";
    case io::DType::i32:
      return "I32";
    case io::DType::i64:
      return "I64";
    default:
      throw Error("packed file: a type that prepared folders do not hold");
  }
}

/// Wide items first, so that every array is aligned to its items; then by name.
std::vector<std::string> order_of(const std::map<std::string, PackedSpec>& arrays) {
  std::vector<std::string> order;
  for (const auto& entry : arrays) order.push_back(entry.first);
  std::sort(order.begin(), order.end(), [&](const std::string& left, const std::string& right) {
    const auto left_size = io::item_size(arrays.at(left).dtype), right_size = io::item_size(arrays.at(right).dtype);
    return left_size != right_size ? left_size > right_size : left < right;
  });
  return order;
}

}  // namespace

PackedFile::PackedFile(std::filesystem::path path, const std::map<std::string, PackedSpec>& arrays)
    : path_(std::move(path)) {
  std::size_t next = 0;
  nlohmann::json header = nlohmann::json::object();
  for (const std::string& key : order_of(arrays)) {
    const PackedSpec& spec = arrays.at(key);
    const auto end = next + bytes_of(spec);
    header[key] = {{"dtype", type_name(spec.dtype)}, {"shape", spec.shape}, {"data_offsets", {next, end}}};
    offset_of_[key] = next;
    next = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  const auto start = sizeof length + text.size();
  for (auto& entry : offset_of_) entry.second += start;
  size_ = start + next;

  descriptor_.number = ::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_.number < 0)
    throw Error(fmt::format("{}: cannot be written: {}", path_.string(), std::strerror(errno)));
  // Space first: writing to a mapping on a full disk ends the program instead of giving an error.
  if (const int failed = ::posix_fallocate(descriptor_.number, 0, static_cast<off_t>(size_)); failed != 0)
    throw Error(fmt::format("{}: {} bytes cannot be taken: {}", path_.string(), size_, std::strerror(failed)));
  void* mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_.number, 0);
  if (mapped == MAP_FAILED) throw Error(fmt::format("{}: cannot be mapped: {}", path_.string(), std::strerror(errno)));
  bytes_ = static_cast<std::byte*>(mapped);
  std::memcpy(bytes_, &length, sizeof length);  // little-endian, as every machine LibTorch runs on
  std::memcpy(bytes_ + sizeof length, text.data(), text.size());
}

PackedFile::~PackedFile() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

PackedFile::Descriptor::~Descriptor() {
  if (number >= 0) ::close(number);
}

std::byte* PackedFile::data(const std::string& key) { return bytes_ + offset_of_.at(key); }

void PackedFile::give_back(const void* first, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(first) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(first) + bytes) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void PackedFile::sync() {
  if (::msync(bytes_, size_, MS_SYNC) != 0 || ::fsync(descriptor_.number) != 0)
    throw Error(fmt::format("{}: writing failed: {}", path_.string(), std::strerror(errno)));
}

}  // namespace kuda

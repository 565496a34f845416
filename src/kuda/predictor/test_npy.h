#pragma once
// An array as the bytes of a .npy file, for tests.

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace kuda::test {

/// float32 in C order, version 1 of the format.
inline std::string npy_bytes(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  std::string dimensions;
  for (const auto size : shape) dimensions += std::to_string(size) + ",";
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dimensions + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes = "\x93NUMPY";
  bytes += {'\x01', '\x00', static_cast<char>(header.size() & 0xFFU), static_cast<char>(header.size() >> 8U)};
  bytes += header;
  const auto begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(float));
  std::memcpy(bytes.data() + begin, values.data(), values.size() * sizeof(float));
  return bytes;
}

}  // namespace kuda::test

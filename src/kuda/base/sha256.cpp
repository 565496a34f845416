#include <openssl/evp.h>

#include <array>
#include <memory>

#include "kuda/base/error.h"
#include "kuda/base/file.h"

namespace kuda {

std::string sha256(std::span<const std::byte> bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1)
    throw Error("SHA-256 failed");
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4U];
    text += kDigits[digest[i] & 15U];
  }
  return text;
}

std::string sha256_of_file(const std::filesystem::path& path) { return sha256(MappedFile::open(path)->bytes()); }

}  // namespace kuda

#include "kuda/io/zip.h"

#include <fmt/format.h>
#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "kuda/base/error.h"
#include "kuda/io/pickle/pickle_cursor.h"

namespace kuda::io {
namespace {

/// The archive's bytes as libzip reads them. libzip does not tell where a member lies, but it has to read it from
/// somewhere: the place of the last read is that place.
struct MemorySource {
  std::span<const std::byte> bytes;
  std::uint64_t position = 0;
  std::uint64_t last_read = 0;
  zip_error_t error{};

  std::int64_t read(void* destination, std::uint64_t length) {
    const auto count = std::min<std::uint64_t>(length, bytes.size() - position);
    if (count != 0) std::memcpy(destination, bytes.data() + position, static_cast<std::size_t>(count));
    last_read = position;
    position += count;
    return static_cast<std::int64_t>(count);
  }

  std::int64_t stat(void* destination) const {
    auto* result = static_cast<zip_stat_t*>(destination);
    zip_stat_init(result);
    result->size = bytes.size();
    result->valid = ZIP_STAT_SIZE;
    return sizeof(zip_stat_t);
  }

  std::int64_t seek(void* arguments, std::uint64_t length) {
    const auto target = zip_source_seek_compute_offset(position, bytes.size(), arguments, length, &error);
    if (target < 0) return -1;
    position = static_cast<std::uint64_t>(target);
    return 0;
  }

  static zip_int64_t callback(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
    auto& source = *static_cast<MemorySource*>(self);
    switch (command) {
      case ZIP_SOURCE_OPEN:
        source.position = 0;
        return 0;
      case ZIP_SOURCE_READ:
        return source.read(data, length);
      case ZIP_SOURCE_CLOSE:
      case ZIP_SOURCE_FREE:
        return 0;
      case ZIP_SOURCE_STAT:
        return source.stat(data);
      case ZIP_SOURCE_SEEK:
        return source.seek(data, length);
      case ZIP_SOURCE_TELL:
        return static_cast<zip_int64_t>(source.position);
      case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&source.error, data, length);
      case ZIP_SOURCE_SUPPORTS:
        return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
                                              ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
                                              ZIP_SOURCE_SUPPORTS, -1);
      default:
        zip_error_set(&source.error, ZIP_ER_OPNOTSUPP, 0);
        return -1;
    }
  }
};

struct CloseMember {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using OpenMember = std::unique_ptr<zip_file_t, CloseMember>;

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

}  // namespace

struct ZipArchive::Impl {
  std::shared_ptr<const void> owner;
  std::string name;
  MemorySource source;
  std::unique_ptr<zip_t, Discard> archive;  // after the source, which it reads until it is gone
  std::uint64_t unpacked = 0;               // compressed bytes that were inflated so far

  [[noreturn]] void fail(const std::string& message) const { throw FormatError(name + ": " + message); }
  [[noreturn]] void fail(const std::string& member, const std::string& message) const {
    fail(fmt::format("member '{}': {}", printable(member), message));
  }

  OpenMember open(const std::string& member, std::uint64_t index, zip_flags_t flags) const {
    OpenMember file(zip_fopen_index(archive.get(), index, flags));
    if (!file) fail(member, std::string("cannot be opened: ") + zip_strerror(archive.get()));
    return file;
  }

  /// Where a stored member lies in the archive.
  std::span<const std::byte> stored(const std::string& member, std::uint64_t index, std::uint64_t size) {
    if (size == 0) return {};
    const auto file = open(member, index, ZIP_FL_COMPRESSED);
    std::byte first{};
    if (zip_fread(file.get(), &first, 1) != 1) fail(member, "truncated");
    const std::uint64_t begin = source.last_read;
    if (size > source.bytes.size() - begin) fail(member, "truncated");
    return source.bytes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
  }

  ByteView inflated(const std::string& member, std::uint64_t index, const zip_stat_t& stat) {
    constexpr std::uint64_t kLargestRatio = 1032;  // of deflate
    // Members may not share their bytes, or a small file could unpack without bound.
    if (stat.comp_size > source.bytes.size() - std::min<std::uint64_t>(unpacked, source.bytes.size()))
      fail(member, "overlaps other members");
    unpacked += stat.comp_size;
    if (stat.size / kLargestRatio > stat.comp_size)
      fail(member, fmt::format("{} bytes cannot be packed in {}", stat.size, stat.comp_size));
    auto buffer = std::make_shared<Buffer>(static_cast<std::size_t>(stat.size));
    const auto file = open(member, index, 0);
    std::size_t filled = 0;
    while (filled < buffer->size()) {
      const auto count = zip_fread(file.get(), buffer->data() + filled, buffer->size() - filled);
      if (count <= 0) fail(member, std::string("cannot be unpacked: ") + zip_file_strerror(file.get()));
      filled += static_cast<std::size_t>(count);
    }
    std::byte beyond{};
    if (zip_fread(file.get(), &beyond, 1) != 0) fail(member, "is longer than the directory says, or damaged");
    return {*buffer, buffer};
  }
};

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, std::string name)
    : impl_(std::make_unique<Impl>()) {
  impl_->owner = std::move(owner);
  impl_->name = std::move(name);
  impl_->source.bytes = bytes;
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_function_create(MemorySource::callback, &impl_->source, &error);
  if (source == nullptr) impl_->fail(zip_error_strerror(&error));
  impl_->archive.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (impl_->archive == nullptr) {
    const std::string reason = zip_error_strerror(&error);
    zip_source_free(source);
    zip_error_fini(&error);
    throw FormatError(impl_->name + ": byte 0: not a readable zip archive: " + reason,
                      "its list of members stands at the end: a download or a copy may have been cut short");
  }
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(impl_->archive.get(), 0));
  for (std::uint64_t index = 0; index < count; ++index) {
    const char* member = zip_get_name(impl_->archive.get(), index, ZIP_FL_ENC_RAW);
    const std::string text = member == nullptr ? "" : member;
    if (!index_of_.emplace(text, index).second) impl_->fail(text, "comes twice");
    names_.push_back(text);
  }
}

ZipArchive::~ZipArchive() = default;

ByteView ZipArchive::member(const std::string& member) {
  const auto found = index_of_.find(member);
  if (found == index_of_.end()) impl_->fail(fmt::format("no member '{}'", printable(member)));
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat_index(impl_->archive.get(), found->second, 0, &stat) != 0)
    impl_->fail(member, "has no entry in the directory");
  if (stat.encryption_method != ZIP_EM_NONE) impl_->fail(member, "is encrypted");
  if (stat.comp_method == ZIP_CM_DEFLATE) return impl_->inflated(member, found->second, stat);
  if (stat.comp_method != ZIP_CM_STORE)
    impl_->fail(member, fmt::format("compression method {} is not supported", stat.comp_method));
  if (stat.size != stat.comp_size) impl_->fail(member, "is stored, but with two sizes");
  const auto bytes = impl_->stored(member, found->second, stat.size);
  // A writer may leave the CRC out (0).
  if (stat.crc != 0 && crc_of(bytes) != stat.crc) impl_->fail(member, "is damaged: the CRC does not fit");
  return {bytes, impl_->owner};
}

}  // namespace kuda::io

#include "kuda/extract/row_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/write_all.h"

namespace kuda {

RowStore::RowStore(std::int64_t width, std::size_t most_bytes) : width_(width), most_(most_bytes / sizeof(float)) {}

RowStore::~RowStore() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void RowStore::append(const at::Tensor& rows) {
  const auto flat = rows.contiguous();
  recent_.insert(recent_.end(), flat.const_data_ptr<float>(), flat.const_data_ptr<float>() + flat.numel());
  rows_ += flat.size(0);
  if (recent_.size() > most_) write_out();
}

void RowStore::write_out() {
  const char* named = std::getenv("TMPDIR");
  const std::filesystem::path folder = named != nullptr && *named != '\0' ? named : "/tmp";
  const auto failed = [&] {
    return Error(fmt::format("{}: features cannot be kept there: {}", folder.string(), std::strerror(errno)),
                 "name another folder for temporary files: TMPDIR");
  };
  if (descriptor_ < 0) {
    auto name = (folder / "kuda-rows-XXXXXX").string();
    descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (descriptor_ < 0) throw failed();
    ::unlink(name.c_str());  // it goes when it is closed, whatever ends this process
  }
  if (!write_all(descriptor_, std::as_bytes(std::span(recent_)))) throw failed();
  recent_.clear();
}

StoredRows RowStore::finish() {
  StoredRows stored;
  if (descriptor_ < 0) {
    stored.array = io::make_array({rows_, width_}, recent_);
    return stored;
  }
  write_out();
  stored.file = MappedFile::open(fmt::format("/proc/self/fd/{}", descriptor_));
  stored.array.dtype = io::DType::f32;
  stored.array.shape = {rows_, width_};
  stored.array.strides = io::contiguous_strides(stored.array.shape);
  stored.array.data = stored.file->bytes().data();
  stored.array.owner = stored.file;
  return stored;
}

}  // namespace kuda

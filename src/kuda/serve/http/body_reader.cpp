#include "kuda/serve/http/body_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>

namespace kuda {

struct BodyReader::Unpacking {
  z_stream stream{};
  bool is_whole = false;
  bool may_be_raw;        ///< not yet known
  bool may_have_members;  ///< one after the other, as `cat a.gz b.gz` has (RFC 1952, section 2.2)
  explicit Unpacking(bool is_deflate) : may_be_raw(is_deflate), may_have_members(!is_deflate) {
    constexpr int kGzipOrDeflate = 32;  // which of the two is read from the first bytes
    if (inflateInit2(&stream, MAX_WBITS + kGzipOrDeflate) != Z_OK) throw std::bad_alloc();
  }
  Unpacking(const Unpacking&) = delete;
  Unpacking& operator=(const Unpacking&) = delete;
  ~Unpacking() { inflateEnd(&stream); }
};

BodyReader::BodyReader(std::size_t most, std::string_view coding) : most_(most) {
  if (!coding.empty() && coding != "identity") unpacking_ = std::make_unique<Unpacking>(coding == "deflate");
}

BodyReader::~BodyReader() = default;

bool BodyReader::knows(std::string_view coding) {
  return coding.empty() || coding == "identity" || coding == "gzip" || coding == "deflate";
}

bool BodyReader::take(std::string_view piece) { return unpacking_ ? unpack(piece) : add(piece); }

bool BodyReader::add(std::string_view piece) {
  bytes_ += piece.size();
  if (bytes_ > most_) {
    end_ = BodyEnd::too_large;
    std::string().swap(text_);
  } else {
    text_.append(piece);
  }
  return bytes_ / 2 <= most_;
}

bool BodyReader::unpack(std::string_view piece) {
  if (piece.empty()) return true;
  auto& stream = unpacking_->stream;
  if (unpacking_->may_be_raw) {
    // `deflate` has a head of its own (RFC 9110, section 8.4.1.2), which .NET's DeflateStream and others leave out.
    const auto first = static_cast<unsigned char>(piece.front());
    const bool has_head = (first & 0x0fU) == 8 && first < 0x80;
    if (!has_head && inflateReset2(&stream, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
    unpacking_->may_be_raw = false;
  }
  std::array<char, 16384> unpacked;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(piece.size());                           // of one receive: far below 4 GiB
  do {
    if (unpacking_->is_whole) {  // something follows
      constexpr Bytef kFirstOfMember = 0x1f;
      if (!unpacking_->may_have_members || *stream.next_in != kFirstOfMember || inflateReset(&stream) != Z_OK) {
        end_ = BodyEnd::broken;
        return false;
      }
      unpacking_->is_whole = false;
    }
    stream.next_out = reinterpret_cast<Bytef*>(unpacked.data());
    stream.avail_out = static_cast<uInt>(unpacked.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    unpacking_->is_whole = code == Z_STREAM_END;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      end_ = BodyEnd::broken;
      return false;
    }
    if (!add({unpacked.data(), unpacked.size() - stream.avail_out})) return false;
  } while (stream.avail_in > 0 || (stream.avail_out == 0 && !unpacking_->is_whole));
  return true;
}

void BodyReader::finish(BodyEnd end) {
  if (end_ == BodyEnd::complete) end_ = end;
  if (end_ == BodyEnd::complete && unpacking_ && !unpacking_->is_whole) end_ = BodyEnd::broken;
  if (end_ != BodyEnd::complete) std::string().swap(text_);
}

}  // namespace kuda

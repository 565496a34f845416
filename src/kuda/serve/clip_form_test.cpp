#include "kuda/serve/clip_form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/io/safetensors.h"
#include "kuda/predictor/clip_files.h"
#include "kuda/predictor/test_npy.h"

namespace kuda {
namespace {

using test::error_of;
using test::npy_bytes;
using test::scratch;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> values_of(const Frames& frames) { return {frames.values.begin(), frames.values.end()}; }

std::string form_error(std::vector<FormPart> parts, const ClipLimits& limits = {}) {
  return error_of<DataError>([&] { (void)parse_form(std::move(parts), limits); });
}

std::string safetensors_bytes(const std::map<std::string, io::Array>& arrays) {
  const auto path = scratch("arrays.safetensors");
  io::write_safetensors(path, arrays);
  return read_file(path);
}

TEST(ClipForm, FieldsAndFilesAreOneClip) {
  const auto request =
      parse_form({{"id", "a"}, {"text", "fine"}, {"vision", npy_bytes({2, 3}, {1, 2, 3, 4, 5, 6})}}, {});
  ASSERT_EQ(request.clips.size(), 1U);
  EXPECT_FALSE(request.is_list);
  const auto& clip = request.clips[0];
  EXPECT_EQ(clip.id, "a");
  EXPECT_EQ(*clip.text, "fine");
  EXPECT_EQ(clip.vision->width, 3);
  EXPECT_THAT(values_of(*clip.vision), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_TRUE(parse_form({{"text", "a"}, {"attention", "true"}}, {}).with_attention);
  EXPECT_FALSE(parse_form({{"text", "a"}, {"attention", "false"}}, {}).with_attention);
  EXPECT_THAT(form_error({{"text", "a"}, {"attention", "yes"}}),
              HasSubstr("attention: expected true or false, found 'yes'"));
}

TEST(ClipForm, AClipOfTheDataAndWhatIsLeftOut) {
  const auto request = parse_form({{"clip", "a$_$1"}, {"without", "vision,audio"}, {"count", "7"}}, {});
  EXPECT_EQ(request.clips[0].clip, "a$_$1");
  EXPECT_THAT(request.clips[0].without, ElementsAre(false, true, true));
  EXPECT_EQ(request.nearest, 7);
  EXPECT_THAT(parse_form({{"text", "a"}, {"without", ""}}, {}).clips[0].without, ElementsAre(false, false, false));
  EXPECT_THAT(form_error({{"without", "text,visoin"}}), AllOf(HasSubstr("'visoin'"), HasSubstr("'vision'")));
  for (const char* count : {"0", "51", "3x", "99999999999999999999"})
    EXPECT_THAT(form_error({{"count", count}}), HasSubstr("count: expected a whole number")) << count;
}

TEST(ClipForm, EmptyFieldsSayNothing) {
  const auto request = parse_form({{"id", ""},
                                   {"text", ""},
                                   {"clip", ""},
                                   {"without", ""},
                                   {"attention", ""},
                                   {"count", ""},
                                   {"vision", npy_bytes({1}, {1})}},
                                  {});
  EXPECT_FALSE(request.clips[0].text.has_value());
  EXPECT_EQ(request.nearest, 5);
  EXPECT_FALSE(request.with_attention);
  EXPECT_THAT(form_error({{"text", ""}, {"text", "a"}}), HasSubstr("'text' is there twice"));
}

TEST(ClipForm, ModalitiesAreLeftOutByNameOrLetter) {
  const auto without = [](const char* names) { return parse_form({{"without", names}}, {}).clips[0].without; };
  EXPECT_THAT(without("V, Audio,"), ElementsAre(false, true, true));
  EXPECT_THAT(without(" t"), ElementsAre(true, false, false));
  EXPECT_THAT(parse_form({{"without", "text"}, {"without", "audio"}}, {}).clips[0].without,
              ElementsAre(true, false, true));
  EXPECT_THAT(form_error({{"without", "TV"}}), AllOf(HasSubstr("'TV'"), HasSubstr("text, vision, audio, or T, V, A")));
}

TEST(ClipForm, AnArchiveHoldsAllModalities) {
  const auto bytes = safetensors_bytes({{"vision", io::make_array({1, 2}, std::vector<float>{1, 2})},
                                        {"audio", io::make_array({3}, std::vector<double>{0.5, 0.25, 0.125})}});
  const auto request = parse_form({{"features", bytes}}, {});
  EXPECT_THAT(values_of(*request.clips[0].vision), ElementsAre(1, 2));
  EXPECT_EQ(request.clips[0].audio->width, 3) << "[D] is one frame";
  EXPECT_THAT(values_of(*request.clips[0].audio), ElementsAre(0.5F, 0.25F, 0.125F));
  EXPECT_THAT(form_error({{"features", safetensors_bytes({{"x", io::make_array({1}, std::vector<float>{1})}})}}),
              AllOf(HasSubstr("features"), HasSubstr("found x")));
}

TEST(ClipForm, FieldsThatDoNotFitAreNamed) {
  EXPECT_THAT(form_error({{"vison", ""}}), AllOf(HasSubstr("unknown field 'vison'"), HasSubstr("'vision'")));
  EXPECT_THAT(form_error({{"text", "a"}, {"text", "b"}}), HasSubstr("'text' is there twice"));
  EXPECT_THAT(form_error({{"vision", ""}}), HasSubstr("vision: expected a .npy"));
  EXPECT_THAT(form_error({{"vision", "PK no zip"}}), HasSubstr("vision"));
  EXPECT_THAT(form_error({{"vision", "neither"}}), HasSubstr("vision"));
  const auto whole = npy_bytes({2, 3}, {1, 2, 3, 4, 5, 6});
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_THAT(form_error({{"vision", whole.substr(0, size)}}), HasSubstr("vision")) << size << " bytes of it";
  EXPECT_THAT(form_error({{"vision", npy_bytes({1, 2, 3}, {1, 2, 3, 4, 5, 6})}}),
              AllOf(HasSubstr("[L, D] or [D]"), HasSubstr("[1, 2, 3]")));
}

TEST(ClipForm, FieldsAreUtf8) {
  for (const char* name : {"text", "id", "clip", "without", "attention", "count"})
    EXPECT_THAT(form_error({{name, "\xd5\xe2"}}),
                AllOf(HasSubstr(std::string(name) + ": expected UTF-8"), HasSubstr("charset=gbk")));
  EXPECT_EQ(*parse_form({{"text", "\xe5\xa5\xbd"}}, {}).clips[0].text, "\xe5\xa5\xbd");
}

TEST(ClipForm, ValuesThatAreNotFiniteAreRefusedWithTheirPlace) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_THAT(form_error({{"audio", npy_bytes({2, 2}, {1, 2, 3, -kInfinity})}}),
              AllOf(HasSubstr("audio: frame 1, feature 1 is -inf"), HasSubstr("data.clean")));
  EXPECT_THAT(form_error({{"audio", npy_bytes({1}, {std::numeric_limits<float>::quiet_NaN()})}}), HasSubstr("nan"));
}

TEST(ClipForm, LimitsAreNamed) {
  ClipLimits limits;
  limits.frames = 1;
  limits.text_bytes = 3;
  EXPECT_THAT(form_error({{"vision", npy_bytes({2, 1}, {1, 2})}}, limits),
              HasSubstr("vision: expected at most 1 frames"));
  EXPECT_THAT(form_error({{"text", "abcd"}}, limits), HasSubstr("text: expected at most 3 bytes, found 4"));
}

TEST(ClipFiles, AreReadByTheirExtension) {
  write_file(scratch("vision.npy"), npy_bytes({2, 2}, {1, 2, 3, 4}));
  EXPECT_THAT(values_of(load_frames(scratch("vision.npy"), Modality::vision)), ElementsAre(1, 2, 3, 4));
  io::write_safetensors(scratch("one.safetensors"), {{"x", io::make_array({1, 2}, std::vector<float>{5, 6})}});
  EXPECT_THAT(values_of(load_frames(scratch("one.safetensors"), Modality::audio)), ElementsAre(5, 6))
      << "the only array, whatever its name";
  write_file(scratch("vision.csv"), "1,2");
  EXPECT_THAT(error_of<DataError>([&] { (void)load_frames(scratch("vision.csv"), Modality::vision); }),
              HasSubstr("expected .npy, .npz or .safetensors"));
  EXPECT_THROW((void)load_frames(scratch("nothing.npy"), Modality::vision), FormatError);
}

}  // namespace
}  // namespace kuda

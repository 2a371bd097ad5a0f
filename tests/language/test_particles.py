"""Particles fit the names before them as Koreans read these."""

import pytest

from cnncompare.language.catalogue import in_language, tr
from cnncompare.language.particles import with_particle


@pytest.mark.parametrize(
    ("name", "read_with"),
    [
        ("신경망", "은"),
        ("시드", "는"),
        ("resnet20", "은"),  # 이십
        ("lenet5", "는"),  # 오
        ("vgg16", "은"),  # 육
        ("vgg19", "는"),  # 구
        ("densenet121", "은"),  # 일
        ("mobilenet_v2", "는"),  # 이
        ("inception_v3", "은"),  # 삼
        ("efficientnet_b4", "는"),  # 사
        ("resnet18", "은"),  # 팔
        ("alexnet", "은"),  # 넷
        ("googlenet", "은"),
        ("quicknet", "은"),
        ("convnext_tiny", "는"),
        ("wide", "는"),
        ("baseline", "은"),  # 라인
        ("pool", "은"),
        ("VGG", "는"),  # 지
        ("SGD", "는"),
        ("CNN", "은"),  # 엔
        ("mnist", "는"),  # 티
        ("94.0 %", "는"),  # 퍼센트
        ("0.5점", "은"),
        ("top-1", "은"),
        ("resnet20 (lr 0.1)", "은"),  # what is in brackets is not read
        ("lenet5 tuned (3 trials)", "는"),
        ("보정 오차 (ECE)", "는"),
        ("", "는"),
        ("日本", "는"),
    ],
)
def test_the_topic_particle(name: str, read_with: str) -> None:
    assert with_particle(name, "은/는") == name + read_with


@pytest.mark.parametrize(
    ("name", "forms", "expected"),
    [
        ("resnet18", "으로/로", "resnet18로"),  # after ㄹ as after a vowel
        ("서울", "으로/로", "서울로"),
        ("resnet20", "으로/로", "resnet20으로"),
        ("lenet5", "으로/로", "lenet5로"),
        ("resnet20", "이/가", "resnet20이"),
        ("lenet5", "이/가", "lenet5가"),
        ("vgg16", "과/와", "vgg16과"),
        ("vgg19", "과/와", "vgg19와"),
        ("표", "을/를", "표를"),
    ],
)
def test_other_particles(name: str, forms: str, expected: str) -> None:
    assert with_particle(name, forms) == expected


def test_a_placeholder_names_the_particle() -> None:
    with in_language("ko"):
        assert tr("{a} and {b}", a="resnet20", b="lenet5") == "resnet20과 lenet5"
        assert tr("{a} and {b}", a="lenet5", b="resnet20") == "lenet5와 resnet20"

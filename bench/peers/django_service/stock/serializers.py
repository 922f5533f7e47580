"""The serializers of requests and answers."""

from __future__ import annotations

from decimal import Decimal

from rest_framework import serializers

from stock.models import Block, Product, Sale

POSITIVE = {"max_digits": 12, "decimal_places": 3, "min_value": Decimal("0.001")}


class ReserveSerializer(serializers.Serializer):
    amount = serializers.DecimalField(**POSITIVE)


class ProductSerializer(serializers.ModelSerializer):
    price = serializers.DecimalField(max_digits=23, decimal_places=3, allow_null=True)
    available = serializers.DecimalField(source="stock.available", max_digits=12, decimal_places=3)
    reserved = serializers.DecimalField(source="stock.reserved", max_digits=12, decimal_places=3)
    blocked = serializers.DecimalField(source="stock.blocked", max_digits=12, decimal_places=3)
    on_hand = serializers.DecimalField(source="stock.on_hand", max_digits=12, decimal_places=3)

    class Meta:
        model = Product
        fields = (
            *("id", "sku", "sku_id", "name", "description", "price"),
            *("available", "reserved", "blocked", "on_hand"),
        )


class BlockSerializer(serializers.ModelSerializer):
    block_id = serializers.UUIDField(source="id", read_only=True)
    quantity = serializers.DecimalField(**POSITIVE)
    reason = serializers.CharField(max_length=500, required=False, allow_null=True)

    class Meta:
        model = Block
        fields = ("block_id", "product_id", "quantity", "reason", "status", "expires_at", "created_at")
        read_only_fields = ("product_id", "status", "expires_at", "created_at")


class ConvertedSerializer(serializers.ModelSerializer):
    block_id = serializers.UUIDField(source="id")
    converted_at = serializers.DateTimeField(source="ended_at")

    class Meta:
        model = Block
        fields = ("block_id", "status", "quantity", "converted_at")


class SaleSerializer(serializers.ModelSerializer):
    product_id = serializers.IntegerField()
    quantity = serializers.DecimalField(**POSITIVE)
    unit_price = serializers.DecimalField(max_digits=23, decimal_places=3, min_value=Decimal(0))

    class Meta:
        model = Sale
        fields = ("id", "product_id", "quantity", "unit_price", "revenue", "cost")
        read_only_fields = ("revenue", "cost")
